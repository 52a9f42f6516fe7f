"""A model version, its index version, and the pointer that releases both."""
