"""Snapshots on disk, where they come from, and what releases take along."""
