"""Where alerts go: a log file, an address on the web."""
