"""The order of search results: features of a (query, candidate) pair, and rankers that learn from them."""
