"""One vector per product and modality."""
