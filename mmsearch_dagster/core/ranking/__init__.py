"""The order of search results: features of a (query, candidate) pair, blends, and the choice of the order."""
