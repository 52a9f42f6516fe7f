"""LanceDB: the search index, one tagged version per release."""
