"""Pairs of queries and products that a person grades with `mmsearch label`."""
