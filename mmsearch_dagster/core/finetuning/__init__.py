"""Fine-tuning an encoder on what a shop knows: its judged photos, its judged and logged queries."""
