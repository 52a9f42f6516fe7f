"""Commands about the rows of a shop: connect an export, look at what was not used."""
