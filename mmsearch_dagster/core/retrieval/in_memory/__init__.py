"""What makes search in memory fast, and changes no answer."""
