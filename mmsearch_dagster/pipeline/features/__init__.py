"""Vectors of the catalogue: one per product and modality, and one per picture."""
