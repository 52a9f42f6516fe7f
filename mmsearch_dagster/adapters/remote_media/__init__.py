"""Media at addresses: fetched politely, kept by their content."""
