"""From features to one trained candidate per strategy."""
