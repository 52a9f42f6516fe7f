"""Rankers that learn from feature rows, kept as plain arrays; the ranking stage of a release."""
