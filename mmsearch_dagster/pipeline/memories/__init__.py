"""The steps that fit the photo memory and the query memory, to be tried, measured and released."""
