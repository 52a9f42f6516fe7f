"""What is known of one shopper: profile, churn, and what reviews say."""
