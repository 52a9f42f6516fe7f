"""What Dagster looks at every few seconds or minutes: files of the shop, drift, reviews, failed runs."""
