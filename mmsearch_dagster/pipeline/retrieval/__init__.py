"""Judged queries answered in memory by the code that serves: its retrievers, its order of the candidates."""
