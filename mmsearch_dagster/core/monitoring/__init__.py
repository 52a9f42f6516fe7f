"""Drift of columns, embeddings and behaviour since the release, and the quality of searches by day."""
