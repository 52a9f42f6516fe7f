"""The parts of a source mapping as records: a file, a column, a condition, a join."""
