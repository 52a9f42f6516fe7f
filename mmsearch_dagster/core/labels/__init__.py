"""Queries with graded products: judgments, click models of the log, synthetic queries, splits."""
