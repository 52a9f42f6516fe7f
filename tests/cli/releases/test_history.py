"""`mmsearch history` and `mmsearch prune` over a home that 0.1.0 made."""

import json
from pathlib import Path

import dagster as dg
import pytest

from mmsearch_dagster.adapters.registry.relocate import relocate
from mmsearch_dagster.defs.releases.dagster_runs import old_runs, remove_old_runs
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


def test_of_dagsters_runs_the_newest_those_of_a_day_and_those_that_made_an_asset_stay(tmp_path: Path) -> None:
    @dg.op
    def nothing() -> None:
        """It does nothing."""

    @dg.asset
    def made() -> int:
        return 1

    job = dg.GraphDefinition("work", node_defs=[nothing]).to_job()
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        assert dg.materialize([made], instance=instance).success
        for number in range(4):
            tags = {"dagster/partition": "2026-05-01"} if number == 1 else {}
            assert job.execute_in_process(instance=instance, tags=tags).success
        before = [run.run_id for run in instance.get_runs()]

        assert old_runs(instance, keep=1) == [before[1], before[3]]
        assert remove_old_runs(instance, keep=1) == [before[1], before[3]]

        assert [run.run_id for run in instance.get_runs()] == [before[0], before[2], before[4]]
        assert not [file for file in tmp_path.rglob("*") if before[1] in file.name]
        assert old_runs(instance, keep=1) == []
