"""Encoders: what turns words and pictures into vectors."""
