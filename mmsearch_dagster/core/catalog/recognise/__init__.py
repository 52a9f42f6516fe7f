"""What an export is by the names of its columns, and a mapping of it for review."""
