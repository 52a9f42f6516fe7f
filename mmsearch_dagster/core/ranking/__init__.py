"""The order of search results: features of a (query, candidate) pair, and the rankers that learn from them."""
