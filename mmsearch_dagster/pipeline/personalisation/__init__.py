"""The steps for known people: user profiles by day, and the personal ranker."""
