"""Figures of each day, the status page and alerts of one home."""
