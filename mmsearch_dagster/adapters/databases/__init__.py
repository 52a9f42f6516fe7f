"""Tables of a shop's databases, copied into the home before they are read."""
