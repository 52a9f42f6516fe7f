"""This machine: CPU cores, processes, the disk of a home, its lock and key, SQLite and log files."""
