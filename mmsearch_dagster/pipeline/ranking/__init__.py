"""How search results are ordered: the retrievers in memory, the ways to order, the ranker that is trained."""
