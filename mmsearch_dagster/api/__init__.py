"""HTTP over one release."""
