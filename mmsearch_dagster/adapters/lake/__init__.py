"""The lake: immutable snapshots on disk, their lineage, and the file formats of what they hold."""
