"""Whether the world still is what the champion was trained on, and what people do with its answers."""
