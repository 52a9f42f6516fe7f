"""Commands about releases: their review, their history, and what is kept of them."""
