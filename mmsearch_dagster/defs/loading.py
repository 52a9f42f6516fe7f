"""Everything under `defs/` as one Definitions object."""

import warnings
from pathlib import Path

import dagster as dg


def everything() -> dg.Definitions:
    """All assets, checks, jobs, schedules and resources."""
    # Dagster itself passes this one on where it copies a sensor; it says nothing to who runs a shop.
    warnings.filterwarnings("ignore", message="Parameter `owners` of", category=dg.BetaWarning)
    return dg.load_from_defs_folder(path_within_project=Path(__file__).parent)
