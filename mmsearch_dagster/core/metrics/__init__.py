"""Metrics of ranked lists, their bootstrap intervals, and TREC files."""
