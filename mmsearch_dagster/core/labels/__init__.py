"""Where queries with graded products come from: people's judgments, the log, the catalogue, reviews."""
