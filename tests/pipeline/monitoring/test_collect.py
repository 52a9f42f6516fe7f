"""The figures of a day: what can be read again later, and what only the day itself knows."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from mmsearch_dagster.adapters.registry.ledger import Ledger
from mmsearch_dagster.core.monitoring.daily_metrics import HomeState, QuarantineResult
from mmsearch_dagster.core.monitoring.status import Scheduler
from mmsearch_dagster.pipeline.monitoring.collect import collect_day
from mmsearch_dagster.pipeline.monitoring.day_files import keep_day, kept_day, kept_days
from mmsearch_dagster.pipeline.monitoring.status import home_status, write_status_page
from mmsearch_dagster.pipeline.workspace import Workspace
from mmsearch_dagster.settings import Settings
from tests.homes import Place

MORNING = datetime(2026, 5, 3, 6, tzinfo=UTC)


def workspace_at(home: Path, now: datetime) -> Workspace:
    return Workspace(Settings(home), clock=lambda: now)


def logged(workspace: Workspace, per_day: dict[date, int]) -> None:
    """So many searches a day: of the first a product was clicked, the last was answered with nothing."""
    moments = [
        (day, number, datetime(day.year, day.month, day.day, number, tzinfo=UTC))
        for day, count in per_day.items()
        for number in range(count)
    ]
    ids = [f"{day} {number}" for day, number, _ in moments]
    searches = pl.DataFrame({"query_id": ids, "timestamp": [moment for _, _, moment in moments]})
    shown = [
        (f"{day} {number}", "click" if number == 0 else "impression")
        for day, number, _ in moments
        if number < per_day[day] - 1
    ]
    events = pl.DataFrame(
        {
            "query_id": [key for key, _ in shown],
            "action": [action for _, action in shown],
            "position": [1] * len(shown),
        }
    )
    for name, table in (("searches", searches), ("interactions", events)):
        workspace.lake.obtain_table(name, f"of {len(ids)}", lambda table=table: (table, {}))


def test_the_log_of_a_day_can_be_collected_again_when_it_is_whole(tmp_path: Path) -> None:
    workspace = workspace_at(tmp_path, MORNING)
    yesterday, today = date(2026, 5, 2), date(2026, 5, 3)
    logged(workspace, {yesterday: 4, today: 2})
    before = collect_day(workspace, yesterday).searches
    logged(workspace, {yesterday: 5, today: 2})

    after = collect_day(workspace, yesterday).searches

    assert before is not None
    assert after is not None
    assert (before.searches, before.with_click, before.without_results) == (4, 0.25, 0.25)
    assert (after.searches, after.with_click, after.without_results) == (5, 0.2, 0.2)
    assert collect_day(workspace, date(2026, 5, 1)).searches is None


def test_what_was_seen_on_an_earlier_day_stays_when_that_day_is_collected_again(tmp_path: Path) -> None:
    table = QuarantineResult(table="products", kept=90, quarantined=10)
    seen = HomeState(release="r-1", quarantine=(table,))
    today = collect_day(workspace_at(tmp_path, MORNING))
    keep_day(workspace_at(tmp_path, MORNING).paths.metrics, today.model_copy(update={"state": seen}))
    later = workspace_at(tmp_path, MORNING + timedelta(days=2))

    again = collect_day(later, date(2026, 5, 3))

    assert again.state == seen
    assert again.collected == "2026-05-05T06:00:00+00:00"
    assert collect_day(later, date(2026, 5, 4)).state is None, "nobody looked on that day"


def test_a_release_waits_for_a_review_until_the_ledger_says_more(tmp_path: Path) -> None:
    workspace = workspace_at(tmp_path, MORNING)
    ledger = Ledger(workspace.paths.ledger, clock=workspace.clock)
    for release in ("r-1", "r-2"):
        ledger.append("waiting", release_id=release, model_version=1, why="it passed the gate")
    ledger.append("approval", release_id="r-1", model_version=1, why="fine")

    state = collect_day(workspace).state

    assert state is not None
    assert state.waiting == ("r-2",)


def test_a_damaged_day_is_left_out_and_the_others_are_shown(tmp_path: Path) -> None:
    workspace = workspace_at(tmp_path, MORNING)
    collect_day(workspace, date(2026, 5, 2))
    collect_day(workspace)
    (workspace.paths.metrics / "2026-05-02.json").write_text('{"day": "2026-05-02", "coll')

    assert [day.day for day in kept_days(workspace.paths.metrics)] == [date(2026, 5, 3)]
    assert kept_day(workspace.paths.metrics, date(2026, 5, 2)) is None


def test_a_folder_in_which_nothing_ran_is_not_filled_by_a_question(tmp_path: Path) -> None:
    status = home_status(workspace_at(tmp_path / "new", MORNING), Scheduler())

    assert status.headline == ("quiet", "Nothing was released yet.")
    assert not (tmp_path / "new").exists()


@pytest.mark.slow
def test_a_released_home_has_its_quality_its_margins_and_its_verdicts(place: Place) -> None:
    line = Ledger(place.paths.ledger).lines()[0]
    moment = datetime.fromisoformat(line.when)
    workspace = Workspace(place.settings, place.assets, clock=lambda: moment)

    day = collect_day(workspace)

    assert day.state is not None
    assert day.state.release == place.manifest().release_id
    assert day.state.released_at == line.when
    assert 0 < day.state.quality["all"] <= 1
    assert day.state.measured_on == "validation queries judged by people"
    assert [(gate.passed, gate.release_id) for gate in day.gates] == [(True, line.release_id)]
    assert day.gates[0].margins["floor"] > 0
    assert {result.monitor for result in day.state.drift} == {
        *("data_drift", "embedding_drift", "behaviour_drift", "search_quality")
    }
    levels = {result.monitor: result.level for result in day.state.drift}
    assert levels["data_drift"] is not None
    assert levels["embedding_drift"] is not None
    assert {table.table for table in day.state.quarantine} >= {"products", "events"}
    page = write_status_page(workspace, home_status(workspace, Scheduler()))
    assert line.release_id in page.read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_command_prints_the_state_and_writes_the_page(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    assert place.mmsearch("status") == 0

    out = capsys.readouterr().out
    assert f"All is well: {place.manifest().release_id} answers." in out
    assert "Run:        refresh succeeded" in out
    assert "Next: " in out
    assert place.paths.status_page.is_file()
