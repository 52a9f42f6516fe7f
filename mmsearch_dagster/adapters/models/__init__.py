"""Encoders on disk: find, describe, load, fine-tune."""
