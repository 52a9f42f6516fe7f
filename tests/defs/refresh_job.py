"""The refresh where a process of its own can find it."""

import dagster as dg

from mmsearch_dagster.defs.loading import everything


def refresh_job() -> dg.JobDefinition:
    """The job as the definitions hold it."""
    return everything().resolve_job_def("refresh")
