"""What of the shop the source trigger watches: files, media folders, database tables."""
