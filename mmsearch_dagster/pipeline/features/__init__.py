"""Features of the catalogue: encoded vectors per product and picture, and collaborative factors."""
