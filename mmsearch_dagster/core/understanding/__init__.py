"""What a typed query means in one catalogue: spelling, bounds, values, identifiers, synonyms."""
