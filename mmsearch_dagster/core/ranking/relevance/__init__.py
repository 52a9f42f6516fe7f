"""The reviewed features of a (query, candidate) pair, and what a ranker is measured by."""
