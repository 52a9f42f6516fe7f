"""Drift since the champion's release, search quality, and the log cut into days."""
