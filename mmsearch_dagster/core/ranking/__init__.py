"""Re-order what retrieval found for one person: features, training on the log, and the right to be used."""
