"""Dagster's own command line and its executor that gives each step a process."""

import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from mmsearch_dagster.settings import ASSETS_VARIABLE
from mmsearch_dagster.terminal.refreshing import prepare_dagster
from tests.homes import Place, own_environment

pytestmark = pytest.mark.slow

PROJECT = Path(__file__).parents[2]


def test_dagster_itself_finds_the_definitions_valid(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "dagster", "definitions", "validate", "-w", "workspace.yaml"]

    told = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=120)

    assert told.returncode == 0, told.stderr[-2000:]


def refresh_job() -> dg.JobDefinition:
    """The refresh, each step a process of its own (made here so that those processes can make it again)."""
    from mmsearch_dagster.defs.loading import everything

    return everything().resolve_job_def("refresh")


@pytest.mark.timeout(600)
def test_the_changed_shop_is_released_step_by_step(later: Place, tiny: Place, tmp_path: Path) -> None:
    place = tiny.copy(tmp_path / "home", source=later.source)
    with own_environment(**{ASSETS_VARIABLE: str(place.assets)}):
        prepare_dagster(place.settings)
        executor = {"multiprocess": {"max_concurrent": 2, "start_method": {"forkserver": {}}}}
        with dg.DagsterInstance.get() as instance:
            result = dg.execute_job(
                dg.reconstructable(refresh_job),
                instance=instance,
                run_config={"execution": {"config": executor}},
            )

    assert result.success
    assert place.manifest().release_id == later.manifest().release_id
    assert place.manifest().weights_sha256 == later.manifest().weights_sha256
    assert place.actions() == ["promotion", "promotion"]
