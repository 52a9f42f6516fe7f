"""Shoppers by what they did: a profile of each, and who is about to stay away."""
