"""Which system an export comes from, by the names of its columns, and a drafted mapping for review."""
