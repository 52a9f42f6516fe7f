"""Where somebody's hand was in MLflow: what is mended, and what is refused."""
