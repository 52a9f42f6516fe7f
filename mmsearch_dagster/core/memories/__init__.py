"""What was judged, clicked or bought before, as further keys to products: photos, and past queries."""
