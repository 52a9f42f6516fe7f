"""Profiles and the ranker for known users."""
