"""Queries, filters, rank fusion, business rules."""
