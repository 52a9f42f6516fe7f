"""A trained model as an MLflow pyfunc: how it is logged, loaded back and given its input."""
