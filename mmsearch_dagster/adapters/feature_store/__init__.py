"""Vectors of contents on disk: the feature store, in which nothing is ever encoded twice."""
