"""Spoken queries: the catalogue's language, how its words sound, and what was understood."""
