"""Dagster's way in."""

import dagster as dg

from mmsearch_dagster.defs.loading import everything


@dg.definitions
def defs() -> dg.Definitions:
    """Everything under `defs/`."""
    return everything()
