"""Retrievers of what was judged, clicked or bought before: photos and words as further keys to products."""
