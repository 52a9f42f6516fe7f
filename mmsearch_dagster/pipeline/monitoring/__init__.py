"""What changed since the champion, and how people take its answers."""
