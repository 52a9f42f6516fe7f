"""What is done about releases beside the refresh: reviews, retention."""
