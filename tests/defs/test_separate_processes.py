"""Dagster's own command line and its executor that gives each step a process."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mmsearch_dagster.defs.dagster_home import prepare_dagster
from mmsearch_dagster.settings import ASSETS_VARIABLE
from tests.homes import Place, own_environment

pytestmark = pytest.mark.slow

_MODULE = "mmsearch_dagster.definitions"
# What the server that every step's process is forked from has imported, for each step would import it
# again: nothing that starts a thread. A fork beside the threads of Polars, LanceDB or MLflow hangs now and
# then.
_PRELOADED = (
    _MODULE,
    "torch._dynamo",
    "scipy.stats",
    "matplotlib.pyplot",
    "alembic",
    "tests.defs.named_threads",
)
_STEP_BY_STEP = {
    "execution": {
        "config": {
            "multiprocess": {
                "max_concurrent": 2,
                "start_method": {"forkserver": {"preload_modules": list(_PRELOADED)}},
            }
        }
    },
    "loggers": {"console": {"config": {"log_level": "ERROR"}}},
}
PROJECT = Path(__file__).parents[2]


def dagster(*arguments: object, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Dagster's command line in a process of its own: a server of forks keeps the environment that it began
    with, and one that another test began is of another home."""
    command = [sys.executable, "-m", "dagster", *map(str, arguments)]
    return subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=900)


def test_dagster_itself_finds_the_definitions_valid(tmp_path: Path) -> None:
    environment = {**os.environ, "DAGSTER_HOME": str(tmp_path)}

    told = dagster("definitions", "validate", "-w", "workspace.yaml", environment=environment)

    assert told.returncode == 0, told.stderr[-2000:]


def test_the_changed_shop_is_released_step_by_step(later: Place, tiny: Place, tmp_path: Path) -> None:
    place, threads = tiny.copy(tmp_path / "home", source=later.source), tmp_path / "threads"
    config = tmp_path / "step_by_step.json"
    config.write_text(json.dumps(_STEP_BY_STEP), encoding="utf-8")
    with own_environment(**{ASSETS_VARIABLE: str(place.assets)}):
        prepare_dagster(place.settings)
        environment = {**os.environ, "THREADS_FILE": str(threads)}

    told = dagster("job", "execute", "-m", _MODULE, "-j", "refresh", "-c", config, environment=environment)

    assert told.returncode == 0, told.stderr[-2000:]
    assert place.manifest().model_dump() == later.manifest().model_dump()
    assert place.actions() == ["promotion", "promotion"]
    names = threads.read_text().splitlines()
    assert len(names) == 1, f"the forking server has the threads {names}"
