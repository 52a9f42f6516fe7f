"""What the person on call reads: figures of each day, alerts, the status of a home."""
