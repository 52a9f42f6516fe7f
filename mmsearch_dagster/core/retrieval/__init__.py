"""Retrieval: records of query and answer, rank fusion, nearest vectors, shop rules."""
