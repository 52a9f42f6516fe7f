"""Who liked what: implicit feedback, its factors, and how they are chosen."""
