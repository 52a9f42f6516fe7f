"""Retrieval: records of query and answer, the filter language, rank fusion, nearest vectors, shop rules."""
