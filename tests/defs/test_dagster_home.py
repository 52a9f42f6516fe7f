"""Dagster's own folder in a home."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.instance.config import PoolGranularity
from dagster._core.scheduler.instigation import InstigatorType, TickStatus

from mmsearch_dagster.defs.dagster_home import COMMAND_RUN, end_dead_runs, prepare_dagster
from mmsearch_dagster.settings import Settings

pytestmark = pytest.mark.slow


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    prepare_dagster(Settings(tmp_path / "home"))
    with dg.DagsterInstance.get() as instance:
        yield instance


@dg.job
def nothing() -> None:
    pass


def begun(instance: dg.DagsterInstance, tags: dict[str, str]) -> str:
    """Id of a run that somebody began and whose process nobody hears of."""
    run = instance.create_run_for_job(nothing, tags=tags, status=dg.DagsterRunStatus.STARTED)
    return run.run_id


def status(instance: dg.DagsterInstance, run_id: str) -> dg.DagsterRunStatus:
    run = instance.get_run_by_id(run_id)
    assert run is not None
    return run.status


def test_a_second_run_from_its_pages_waits_in_the_queue(instance: dg.DagsterInstance) -> None:
    assert instance.get_concurrency_config().run_queue_config.max_concurrent_runs == 1


def test_two_trainings_wait_for_each_other_whatever_the_queue_allows(instance: dg.DagsterInstance) -> None:
    pools = instance.get_concurrency_config().pool_config
    assert pools.pool_granularity == PoolGranularity.RUN
    assert pools.default_pool_limit == 1


def test_ticks_that_did_nothing_are_forgotten_after_a_day(instance: dg.DagsterInstance) -> None:
    kept = instance.get_tick_retention_settings(InstigatorType.SENSOR)
    assert (kept[TickStatus.SKIPPED], kept[TickStatus.SUCCESS]) == (1, 30)


_OFF, _QUEUE = "enabled: false\n", "concurrency:\n  runs:\n    max_concurrent_runs: 1\n"
_POOLS = "  pools:\n    granularity: run\n    default_limit: 1\n"


@pytest.mark.parametrize("rest", [_QUEUE, f"freshness:\n  enabled: true\n{_QUEUE}{_POOLS}"])
def test_what_an_earlier_version_wrote_is_renewed(
    instance: dg.DagsterInstance, tmp_path: Path, rest: str
) -> None:
    file = tmp_path / "home" / "dagster" / "dagster.yaml"
    now = file.read_text(encoding="utf-8")
    file.write_text(f"telemetry:\n  {_OFF}nux:\n  {_OFF}{rest}", encoding="utf-8")

    prepare_dagster(Settings(tmp_path / "home"))

    assert file.read_text(encoding="utf-8") == now


def test_what_a_user_wrote_there_stays(instance: dg.DagsterInstance, tmp_path: Path) -> None:
    file = tmp_path / "home" / "dagster" / "dagster.yaml"
    file.write_text("telemetry:\n  enabled: false\n", encoding="utf-8")

    prepare_dagster(Settings(tmp_path / "home"))

    assert file.read_text(encoding="utf-8") == "telemetry:\n  enabled: false\n"


def test_runs_whose_process_was_killed_have_failed(instance: dg.DagsterInstance) -> None:
    ours, other = begun(instance, COMMAND_RUN), begun(instance, {})
    done = nothing.execute_in_process(instance=instance, tags=COMMAND_RUN).run_id

    end_dead_runs(instance, tags=COMMAND_RUN)

    assert status(instance, ours) == dg.DagsterRunStatus.FAILURE
    assert status(instance, other) == dg.DagsterRunStatus.STARTED
    assert status(instance, done) == dg.DagsterRunStatus.SUCCESS

    end_dead_runs(instance)

    assert status(instance, other) == dg.DagsterRunStatus.FAILURE
