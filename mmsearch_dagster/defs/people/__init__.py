"""What the log teaches about people: the ranker, reviews, and what a release takes along of both."""
