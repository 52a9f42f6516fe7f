"""The steps on a lake of their own: factors from a log, states that grow by days."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.catalog import schemas
from mmsearch_dagster.core.modalities import COLLABORATIVE, TEXT, ModalityBatch
from mmsearch_dagster.pipeline.features import collaborative
from mmsearch_dagster.pipeline.personalisation import profiles
from mmsearch_dagster.pipeline.workspace import Workspace
from mmsearch_dagster.settings import Settings

pytestmark = pytest.mark.slow

START = datetime(2026, 5, 1, tzinfo=UTC)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(Settings(tmp_path))


def log(days: int, *, users: int = 30) -> pl.DataFrame:
    """Every user buys one product of their taste a day."""
    draw = np.random.default_rng(1)
    tastes = [draw.permutation(10) for _ in range(users)]
    rows = [
        {
            col.EVENT_ID: f"e{day}-{user}",
            col.TIMESTAMP: START + timedelta(days=day, minutes=user),
            col.USER_ID: f"u{user:02}",
            col.PRODUCT_ID: f"{'ab'[user % 2]}{tastes[user][day]}",
            col.ACTION: "purchase",
        }
        for day in range(days)
        for user in range(users)
    ]
    return pl.DataFrame(rows, schema=schemas.EVENTS)


def store(workspace: Workspace, digest: str, events: pl.DataFrame) -> None:
    workspace.lake.obtain_table("interactions", digest, lambda: (events, {}))


def test_a_log_gives_factors_with_their_figures(workspace: Workspace) -> None:
    store(workspace, "ten-days", log(10))

    report = collaborative.learn_factors(workspace)
    snapshot = workspace.lake.current(collaborative.ASSET)

    assert report.rows == 20
    assert snapshot.table()[col.PRODUCT_ID].is_sorted()
    assert snapshot.facts["model"] in ("ease-svd", "als", "bpr")
    assert {row["model"] for row in snapshot.facts["models"]} >= {"popularity", "ease"}
    assert set(report.tables) == {"models", "trials"}
    assert report.images
    assert not collaborative.learn_factors(workspace).made


@pytest.mark.parametrize("days", [0, 1])
def test_a_log_too_short_to_choose_by_gives_no_factors(workspace: Workspace, days: int) -> None:
    store(workspace, "short", log(days))

    report = collaborative.learn_factors(workspace)

    assert report.rows == 0
    assert workspace.lake.current(collaborative.ASSET).table().is_empty()


def days_added(workspace: Workspace, day: date) -> int:
    report = profiles.update_state(workspace, day)
    assert report is not None
    return report.metrics["days added to the stored state"]


def test_a_state_adds_only_the_days_it_does_not_know(workspace: Workspace) -> None:
    store(workspace, "two", log(2))
    assert days_added(workspace, date(2026, 5, 30)) == 2

    store(workspace, "four", log(4))
    assert days_added(workspace, date(2026, 5, 30)) == 2
    fresh = Workspace(Settings(workspace.settings.home / "other"))
    store(fresh, "four", log(4))
    profiles.update_state(fresh, date(2026, 5, 30))
    one, other = (each.lake.current(profiles.STATES) for each in (workspace, fresh))
    assert one.digest == other.digest
    np.testing.assert_allclose(one.table()["weight"], other.table()["weight"], rtol=1e-9)


def test_yesterdays_state_is_what_the_next_day_starts_from(workspace: Workspace) -> None:
    """The log was read at night: of today it has a few events, tomorrow it will have all."""
    whole = log(3)
    store(workspace, "at night", whole.filter(pl.col(col.TIMESTAMP) < START + timedelta(days=2, minutes=5)))
    assert days_added(workspace, date(2026, 5, 2)) == 2

    store(workspace, "a night later", whole)
    assert days_added(workspace, date(2026, 5, 3)) == 1


def test_a_day_without_events_is_the_day_before(workspace: Workspace) -> None:
    store(workspace, "two", log(2))
    profiles.update_state(workspace, date(2026, 5, 2))
    before = workspace.lake.current(profiles.STATES)

    assert days_added(workspace, date(2026, 5, 3)) == 0

    assert workspace.lake.current(profiles.STATES) == before


def test_without_a_log_there_is_no_state(workspace: Workspace) -> None:
    assert profiles.update_state(workspace, date(2026, 5, 2)) is None


def test_a_day_that_changed_later_is_computed_again(workspace: Workspace) -> None:
    store(workspace, "two", log(2))
    profiles.update_state(workspace, date(2026, 5, 2))

    store(workspace, "changed", log(2).filter(pl.col(col.EVENT_ID) != "e0-3"))
    assert days_added(workspace, date(2026, 5, 2)) == 2


def test_a_partition_holds_nothing_of_later_days(workspace: Workspace) -> None:
    store(workspace, "four", log(4))

    profiles.update_state(workspace, date(2026, 5, 2))

    state = workspace.lake.current(profiles.STATES)
    assert state.facts["as_of"] == "2026-05-03T00:00:00Z"
    assert state.table()["last_seen"].max() < datetime(2026, 5, 3, tzinfo=UTC)  # type: ignore[operator]


def test_an_older_model_reads_the_factors_it_was_trained_with(workspace: Workspace) -> None:
    store(workspace, "ten-days", log(10))
    collaborative.learn_factors(workspace)
    snapshot = workspace.lake.current(collaborative.ASSET)
    ids = ("a1", "never sold", "b2")
    items = ModalityBatch(
        ids,
        {TEXT: np.ones((3, 2), np.float32), COLLABORATIVE: np.full((3, 5), 9, np.float32)},
        {TEXT: np.ones(3, bool), COLLABORATIVE: np.ones(3, bool)},
    )

    own = collaborative.with_factors_of(items, snapshot)
    none = collaborative.with_factors_of(items, None)

    assert own.present[COLLABORATIVE].tolist() == [True, False, True]
    assert (
        own.vectors[COLLABORATIVE][2].tolist()
        == snapshot.table().filter(product_id="b2")["vector"][0].to_list()
    )
    assert not none.present[COLLABORATIVE].any()
    assert none.present[TEXT].all()
