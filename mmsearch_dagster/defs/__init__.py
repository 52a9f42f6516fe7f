"""Dagster, thin: jobs, schedules, resources, metadata; assets and sensors have folders."""
