"""The ranking stage of every search: a feature row per (query, candidate), and rankers that learn from them."""
