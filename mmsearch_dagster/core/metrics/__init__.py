"""Ranking metrics, their intervals, and TREC files."""
