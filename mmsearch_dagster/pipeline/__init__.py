"""The steps of a refresh, without Dagster, and the workspace that they share."""
