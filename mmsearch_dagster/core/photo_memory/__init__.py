"""Judged photos as further keys to the products that they show, compared in a space learned from them."""
