"""What the candidates are worth, and the gate."""
