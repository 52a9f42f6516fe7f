"""Two towers into one space: strategies, losses, examples, training."""
