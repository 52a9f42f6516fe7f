"""Charts and HTML pages: quality, review, status."""
