"""`mmsearch history` and `mmsearch prune` over a home that 0.1.0 made."""

import json
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from mmsearch_dagster.adapters.registry.relocate import relocate
from mmsearch_dagster.defs.dagster_runs import old_runs, remove_old_runs
from tests.fixtures.former_home import reviewed_files, unpack
from tests.homes import Place

pytestmark = pytest.mark.slow


@pytest.fixture
def two_releases(tmp_path: Path) -> Place:
    home = unpack(tmp_path)
    relocate(home / "mlflow")
    return Place(home, None, reviewed_files(tmp_path / "reviewed"))


def test_the_history_tells_what_happened_and_how_to_undo_it(
    two_releases: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = [row.manifest.release_id for row in two_releases.released.releases()][::-1]

    assert two_releases.mmsearch("history", "--json") == 0
    rows = json.loads(capsys.readouterr().out)
    assert [(row["action"], row["release_id"]) for row in rows] == [
        ("promotion", second),
        ("promotion", first),
    ]
    assert rows[0]["undo"] == f"mmsearch rollback {first}"

    assert two_releases.mmsearch("history", "--k", "1") == 0
    assert f"undo: mmsearch rollback {first}" in capsys.readouterr().out


def test_a_dry_run_removes_nothing_and_a_clean_up_keeps_what_answers(
    two_releases: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    (two_releases.home / "asked.json").unlink(missing_ok=True)
    second = two_releases.manifest().release_id

    assert two_releases.mmsearch("prune", "--keep", "1", "--dry-run") == 0
    shown = capsys.readouterr().out
    assert "Would go" in shown
    assert two_releases.versions() == 2

    assert two_releases.mmsearch("prune", "--keep", "1") == 0
    assert f"Ready for a rollback: {second}" in capsys.readouterr().out
    assert two_releases.versions() == 1
    assert two_releases.manifest().release_id == second
    assert two_releases.released.registry.load_back(two_releases.manifest().model_version) is None


def test_a_home_without_a_release_has_neither(tmp_path: Path) -> None:
    place = Place(tmp_path / "nowhere", None, tmp_path)
    assert place.mmsearch("history") == 2
    assert place.mmsearch("prune") == 2


@dg.asset(check_specs=[dg.AssetCheckSpec("fine", asset="looked_at")])
def looked_at() -> dg.MaterializeResult:
    return dg.MaterializeResult(check_results=[dg.AssetCheckResult(passed=True)])


@dg.asset(partitions_def=dg.DailyPartitionsDefinition("2026-05-01"))
def daily() -> dg.MaterializeResult:
    return dg.MaterializeResult(metadata={"rows": 7})


def made(instance: dg.DagsterInstance, *assets: dg.AssetsDefinition, **options: Any) -> str:
    """Id of a run of a job that is named after its assets."""
    job = dg.define_asset_job("_".join(each.key.to_user_string() for each in assets), selection=assets)
    definitions = dg.Definitions(assets=assets, jobs=[job])
    return definitions.resolve_job_def(job.name).execute_in_process(instance=instance, **options).run_id


def test_of_dagsters_runs_the_newest_of_each_job_and_those_that_made_an_asset_stay(tmp_path: Path) -> None:
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        first = made(instance, looked_at)
        days = [made(instance, daily, partition_key=f"2026-05-0{day}") for day in (1, 2, 3)]
        last = made(instance, looked_at)

        assert old_runs(instance, keep=1) == [days[1], days[0], first]
        assert remove_old_runs(instance, keep=1) == [days[1], days[0], first]

        assert [run.run_id for run in instance.get_runs()] == [last, days[2]]
        assert not [file for file in tmp_path.rglob("*") if first in file.name]
        assert old_runs(instance, keep=1) == []


def test_nothing_of_a_removed_run_is_left_in_dagsters_tables(tmp_path: Path) -> None:
    """Its checks and tags stay there when Dagster deletes it."""
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        first, last = (made(instance, looked_at, tags={"who": "me"}) for _ in range(2))
        remove_old_runs(instance, keep=1)

    databases = [file for file in tmp_path.rglob("*.db") if file.stat().st_size]
    assert databases
    assert not [file for file in databases if first.encode() in file.read_bytes()]
    assert [file for file in databases if last.encode() in file.read_bytes()]


def test_a_day_whose_run_was_removed_stays_made_with_its_figures(tmp_path: Path) -> None:
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        for day in (1, 2, 3):
            made(instance, daily, partition_key=f"2026-05-0{day}")
        before = instance.get_materialized_partitions(daily.key)
        remove_old_runs(instance, keep=1)
        assert instance.get_materialized_partitions(daily.key) == before
        records = instance.fetch_materializations(
            dg.AssetRecordsFilter(daily.key, asset_partitions=["2026-05-01"]), limit=1
        ).records

    (record,) = records
    assert record.asset_materialization is not None
    assert record.asset_materialization.metadata["rows"].value == 7


def test_dagsters_databases_shrink_with_what_was_removed(tmp_path: Path) -> None:
    file = tmp_path / "history" / "runs" / "index.db"
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        for _ in range(8):
            made(instance, looked_at)
        before = file.stat().st_size
        remove_old_runs(instance, keep=1)
    assert file.stat().st_size < before
