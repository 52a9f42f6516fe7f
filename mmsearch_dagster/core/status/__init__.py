"""Metrics of each day, the alerts that they give, and the status of a home: what the person on call reads."""
