"""What the log knows: collaborative factors and the profiles of users."""
