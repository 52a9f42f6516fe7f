"""The evening view in Dagster: a partition per day, a page, a schedule."""

from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

from mmsearch_dagster.defs.loading import everything
from mmsearch_dagster.defs.scheduler import scheduler_in, scheduler_of
from mmsearch_dagster.settings import HomePaths

pytestmark = pytest.mark.slow

NOW = datetime(2026, 5, 3, 23, 50, tzinfo=UTC)


@pytest.fixture(scope="module")
def loaded() -> dg.Definitions:
    return everything()


def partitions_at(loaded: dg.Definitions, tick: datetime) -> list[str | None]:
    schedule = loaded.resolve_schedule_def("status")
    repository = loaded.get_repository_def()
    context = dg.build_schedule_context(scheduled_execution_time=tick, repository_def=repository)
    return [request.partition_key for request in schedule.evaluate_tick(context).run_requests or []]


def test_today_is_collected_four_times_and_yesterday_is_closed_in_the_morning(loaded: dg.Definitions) -> None:
    assert partitions_at(loaded, datetime(2026, 5, 3, 17, 45, tzinfo=UTC)) == ["2026-05-03"]
    assert partitions_at(loaded, datetime(2026, 5, 3, 5, 45, tzinfo=UTC)) == ["2026-05-02", "2026-05-03"]
    assert loaded.resolve_schedule_def("status").default_status == dg.DefaultScheduleStatus.RUNNING, (
        "nobody has to switch it on"
    )


def test_the_job_writes_the_day_and_the_page_of_a_home_in_which_nothing_ran(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    paths = HomePaths(tmp_path / "home")
    monkeypatch.setenv("MMSEARCH_HOME", str(paths.home))
    job = everything().resolve_job_def("evening")

    with dg.DagsterInstance.ephemeral() as instance:
        ended = job.execute_in_process(partition_key="2026-05-02", instance=instance)
        scheduler = scheduler_in(instance, NOW)

    assert ended.success
    assert [file.name for file in paths.metrics.iterdir()] == ["2026-05-02.json"]
    assert "Nothing was released yet" in paths.status_page.read_text(encoding="utf-8")
    assert [run.job for run in scheduler.runs] == ["evening"]
    assert scheduler.runs[0].mood == "good"


def test_the_next_ticks_are_those_of_the_schedules_that_are_on(tmp_path: Path) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        ticks = {each.name: each.next_tick for each in scheduler_in(instance, NOW).schedules}

    assert ticks["nightly"] == datetime(2026, 5, 4, 2, 30, tzinfo=UTC)
    assert ticks["status"] == datetime(2026, 5, 4, 5, 45, tzinfo=UTC)
    assert scheduler_of(tmp_path / "nowhere", NOW).schedules == ()
    assert not (tmp_path / "nowhere").exists()
