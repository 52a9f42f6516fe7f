"""What an engine is worth on judged queries, and against what."""
