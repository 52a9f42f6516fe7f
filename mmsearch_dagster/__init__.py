"""Multimodal search and recommendation: from a catalogue to a gated, atomic release."""
