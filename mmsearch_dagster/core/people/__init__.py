"""What is known of one user: profile, churn, reviews."""
