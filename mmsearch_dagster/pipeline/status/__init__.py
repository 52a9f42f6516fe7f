"""Metrics of each day, alerts after a run, and the status page of one home."""
