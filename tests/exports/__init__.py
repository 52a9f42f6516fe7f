"""Exports of shop systems made for tests: as their programs write them, with variants and odd rows."""
