"""Comparison of engines on judged queries: retrievers, strategies, champion and candidate."""
