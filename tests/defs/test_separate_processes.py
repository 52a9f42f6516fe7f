"""Dagster's own command line and its executor that gives each step a process."""

import os
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from mmsearch_dagster.adapters.answers import Query
from mmsearch_dagster.settings import ASSETS_VARIABLE
from mmsearch_dagster.terminal.refreshing import prepare_dagster
from tests.defs.refresh_job import refresh_job
from tests.homes import Place, own_environment
from tests.pipeline.killed import PRELOADED
from tests.shops import bare_shop

pytestmark = pytest.mark.slow

PROJECT = Path(__file__).parents[2]


def test_dagster_itself_finds_the_definitions_valid(tmp_path: Path) -> None:
    environment = {**os.environ, "DAGSTER_HOME": str(tmp_path)}
    command = [sys.executable, "-m", "dagster", "definitions", "validate", "-w", "workspace.yaml"]

    told = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=120)

    assert told.returncode == 0, told.stderr[-2000:]


@pytest.mark.timeout(600)
def test_a_shop_is_released_step_by_step(new_place: Place, tmp_path: Path) -> None:
    kinds, colours = ("mug", "kite", "lamp", "chair"), ("red", "blue", "green", "white", "black")
    titles = [f"{colour} {kind} {size} cm" for kind in kinds for colour in colours for size in (10, 20, 30)]
    products = [{"product_id": str(row), "title": title} for row, title in enumerate(titles)]
    place = Place(new_place.home, bare_shop(tmp_path / "shop", products), new_place.assets)
    with own_environment(**{ASSETS_VARIABLE: str(place.assets)}):
        prepare_dagster(place.settings)
        executor = {"max_concurrent": 2, "start_method": {"forkserver": {"preload_modules": [*PRELOADED]}}}
        with dg.DagsterInstance.get() as instance:
            result = dg.execute_job(
                dg.reconstructable(refresh_job),
                instance=instance,
                run_config={"execution": {"config": {"multiprocess": executor}}},
            )

    assert result.success
    best = place.released.engine().search(Query(text=titles[7]), k=1).hits[0]
    assert best.product_id == "7"
    assert place.actions() == ["promotion"]
