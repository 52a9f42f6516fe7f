"""What people chose after a query, for the next one with the same words in any order or number."""
