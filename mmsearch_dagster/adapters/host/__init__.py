"""This machine: the home folder, its lock and key, worker processes."""
