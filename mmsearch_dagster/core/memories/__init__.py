"""What was judged, clicked or bought before, as further keys to products: photos, and words of past queries."""
