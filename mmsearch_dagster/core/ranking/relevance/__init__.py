"""The ranking stage of every search: a feature row per (query, candidate); rankers that learn from them."""
