"""Personalisation: the ranker for a known person, lists made for a person, and the right to be used."""
