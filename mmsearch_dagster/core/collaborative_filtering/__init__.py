"""Collaborative filtering: implicit feedback, its factors, and how a model is chosen."""
