"""Measures the candidates and asks the gate."""
