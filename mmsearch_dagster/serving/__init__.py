"""Serving: one opened release answers queries and recommends."""
