"""The two-tower model: fusion strategies, losses, sampling, training."""
