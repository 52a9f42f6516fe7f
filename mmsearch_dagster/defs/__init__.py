"""Thin Dagster: load, call, store, report."""
