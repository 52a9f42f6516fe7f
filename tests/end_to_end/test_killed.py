"""SIGKILL at any stage: the old release answers, and running again ends where a calm run ends."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from mmsearch_dagster.adapters.index.index import SearchIndex
from mmsearch_dagster.core.release import ReleaseManifest
from mmsearch_dagster.core.retrieval.query import Query
from mmsearch_dagster.defs.dagster_home import prepare_dagster
from mmsearch_dagster.pipeline.run import refresh
from mmsearch_dagster.settings import ASSETS_VARIABLE
from tests.end_to_end.changes import repriced_shop
from tests.end_to_end.killed import Killer, Moment, refresh_and_die
from tests.homes import Place, own_environment

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

# In the order of a run, so that each process goes on where the one before it was killed.
_DEATHS: tuple[tuple[str, Moment], ...] = (
    ("products_raw", "start"),
    ("events_raw", "start"),
    ("searches_raw", "start"),
    ("judgments_raw", "start"),
    ("products_quarantine", "start"),
    ("products", "start"),
    ("interactions_quarantine", "start"),
    ("interactions", "finish"),
    ("queries_quarantine", "start"),
    ("queries", "start"),
    ("searches", "start"),
    ("reviews", "start"),
    ("remote_media", "start"),
    ("text_features", "start"),
    ("image_features", "start"),
    ("audio_features", "start"),
    ("video_features", "start"),
    ("catalogue_refresh", "start"),
    ("collaborative_factors", "start"),
    ("training_examples", "start"),
    ("fusion_concat", "start"),
    ("train concat", "advance"),
    ("fusion_weighted", "finish"),
    ("train attention", "advance"),
    ("train hadamard", "finish"),
    ("evaluation_report", "start"),
    ("index", "advance"),
    ("evaluation_report", "finish"),
    ("user_profiles", "start"),
    ("ranker", "start"),
    ("challenger", "start"),
    ("challenger", "finish"),
    ("search_index", "start"),
    ("index", "finish"),
    ("release", "start"),
)


def index_rows(place: Place, manifest: ReleaseManifest) -> pl.DataFrame:
    """What the pinned version holds, without vectors."""
    assert manifest.index is not None
    table = (
        SearchIndex(str(place.paths.index))
        ._connect()
        .open_table(manifest.index.table, version=manifest.index.tag)
    )
    frame = pl.DataFrame(table.to_arrow())
    return frame.select(sorted(frame.columns)).sort("product_id")


def answers(place: Place) -> Sequence[str]:
    """What a new reader gets for a few words now."""
    found = place.released.engine().search(Query(text="a red kite"), k=5)
    return [found.release_id, *(hit.product_id for hit in found.hits)]


def test_killed_at_every_stage_the_old_release_answers_and_the_end_is_the_same(
    tiny: Place, later: Place, tmp_path: Path
) -> None:
    expected, before = later.manifest(), answers(tiny)
    place = tiny.copy(tmp_path / "home", source=later.source)

    for stage, moment in _DEATHS:
        died = refresh_and_die(place, Killer(stage, moment))
        assert died == -signal.SIGKILL, f"nothing was killed at {stage}, {moment}"
        assert place.manifest().release_id == before[0], f"after {stage}, {moment}"
    assert answers(place) == before
    # The pointer has moved and nothing of what follows has happened: the reader sees the new release whole.
    assert refresh_and_die(place, Killer("release", "never"), dies_in="_settle") == -signal.SIGKILL  # type: ignore[arg-type]
    assert place.manifest().release_id == expected.release_id
    refresh(place.workspace)

    ended = place.manifest()
    assert ended.release_id == expected.release_id
    assert ended.weights_sha256 == expected.weights_sha256
    assert ended.parent == expected.parent
    assert answers(place) == answers(later)
    rows = index_rows(place, ended), index_rows(later, expected)
    assert rows[0].equals(rows[1])
    assert place.actions() == later.actions()


def test_killed_while_a_changed_catalogue_is_published_the_old_one_answers(
    tiny: Place, tmp_path: Path
) -> None:
    source = repriced_shop(tiny, tmp_path / "shop")
    place, before = tiny.copy(tmp_path / "home", source=source), tiny.manifest().release_id
    deaths: tuple[tuple[str, Moment], ...] = (
        ("text_features", "advance"),
        ("catalogue_refresh", "start"),
        ("index", "start"),
        ("index", "finish"),
    )

    for stage, moment in deaths:
        assert refresh_and_die(place, Killer(stage, moment)) == -signal.SIGKILL, (stage, moment)
        assert place.manifest().release_id == before, f"after {stage}, {moment}"
    assert refresh_and_die(place, Killer("release", "start"), dies_in="_settle") == -signal.SIGKILL
    refresh(place.workspace)

    assert place.manifest().parent == before
    assert place.versions() == 2
    assert place.actions() == ["promotion", "promotion"]


def began(place: Place) -> subprocess.Popen[bytes]:
    """`mmsearch run` as a process of its own."""
    command = [sys.executable, "-m", "mmsearch_dagster.cli", "run"]
    options = ["--source", str(place.source), "--home", str(place.home)]
    environment = {**os.environ, ASSETS_VARIABLE: str(place.assets)}
    return subprocess.Popen([*command, *options], env=environment, stdout=subprocess.DEVNULL)


def under_way(place: Place) -> list[dg.DagsterRun]:
    """What Dagster's pages show as running."""
    with own_environment():
        prepare_dagster(place.settings)
        with dg.DagsterInstance.get() as instance:
            return list(instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED])))


def test_the_command_killed_while_people_search(tiny: Place, later: Place, tmp_path: Path) -> None:
    place, before = tiny.copy(tmp_path / "home", source=later.source), answers(tiny)
    examples = place.paths.lake / "training_examples"
    ready = len(list(examples.iterdir())) + 1

    process = began(place)
    while len(list(examples.iterdir())) < ready:  # the training comes next
        assert answers(place) == before
        assert process.poll() is None
        time.sleep(0.3)  # else who asks takes the processor from what is to be killed
    process.kill()
    process.wait()

    assert answers(place) == before
    assert len(under_way(place)) == 1
    assert place.run() == 0
    assert under_way(place) == []
    assert place.manifest().model_dump() == later.manifest().model_dump()
    assert place.actions() == later.actions()
