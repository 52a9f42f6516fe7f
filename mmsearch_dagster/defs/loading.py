"""Everything under `defs/` as one Definitions object."""

import os
import warnings
from functools import lru_cache
from pathlib import Path

import dagster as dg

from mmsearch_dagster.pipeline.workspace import ALERT_POLICY
from mmsearch_dagster.settings import assets_folder


def everything() -> dg.Definitions:
    """All assets, checks, jobs, schedules and resources.

    Dagster loads them twice in each process that runs a step. What they are made from besides code is the
    alert policy and the variables of mmsearch and of that policy: until one of them changes they are the
    same object.
    """
    # Dagster itself passes this one on where it copies a sensor; it says nothing to who runs a shop.
    warnings.filterwarnings("ignore", message="Parameter `owners` of", category=dg.BetaWarning)
    file = assets_folder() / ALERT_POLICY
    policy = file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""
    read = [each for each in os.environ.items() if each[0].startswith("MMSEARCH_") or each[0] in policy]
    return _loaded(policy, tuple(sorted(read)))


@lru_cache(maxsize=1)
def _loaded(policy: str, variables: tuple[tuple[str, str], ...]) -> dg.Definitions:
    return dg.load_from_defs_folder(path_within_project=Path(__file__).parent)
