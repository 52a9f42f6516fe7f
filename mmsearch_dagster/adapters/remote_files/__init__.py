"""Files at addresses (media, exports): fetched politely, kept by their content."""
