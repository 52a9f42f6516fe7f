"""Commands of the person on call."""
