"""What a person decides about a model version in MLflow, and what they read before it."""
