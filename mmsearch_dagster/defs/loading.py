"""Everything under `defs/` as one Definitions object."""

from pathlib import Path

import dagster as dg


def everything() -> dg.Definitions:
    """All assets, checks, jobs, schedules and resources."""
    return dg.load_from_defs_folder(path_within_project=Path(__file__).parent)
