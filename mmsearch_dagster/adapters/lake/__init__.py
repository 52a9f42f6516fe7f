"""Files on disk: snapshots, features, and what releases take along."""
