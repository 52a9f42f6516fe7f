"""One opened release answers queries."""
