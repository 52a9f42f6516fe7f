"""The order for one person: features, training on the log, and the right to be used."""
