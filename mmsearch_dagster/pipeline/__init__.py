"""The steps of a refresh, without Dagster."""
