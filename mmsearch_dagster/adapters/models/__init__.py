"""Encoders' files on this machine: locate, describe, load, run, fine-tune."""
