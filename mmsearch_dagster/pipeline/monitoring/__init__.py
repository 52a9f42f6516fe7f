"""Drift since the release, the log cut into days; each day's metrics, alerts after a run, the status page."""
