"""Drift and search quality since the release; each day's metrics, the alerts they give, a home's status."""
