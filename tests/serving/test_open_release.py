"""The release that the pointer names, and what is wrong with it."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from mmsearch_dagster.adapters.registry.relocate import relocate
from mmsearch_dagster.adapters.registry.tags import DECISION
from mmsearch_dagster.cli import doctor
from tests.fixtures.former_home import unpack
from tests.homes import Place


@pytest.fixture
def two_releases(tmp_path: Path) -> Place:
    home = unpack(tmp_path)
    relocate(home / "mlflow")
    return Place(home, None, tmp_path)


@pytest.fixture
def database(two_releases: Place) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(two_releases.paths.mlflow / "mlflow.db", isolation_level=None)) as database:
        yield database


def refuse(database: sqlite3.Connection, version: int) -> None:
    """Make the stored decision of a version a refusal."""
    where = f"key = '{DECISION}' and version = {version}"
    (text,) = database.execute(f"select value from model_version_tags where {where}").fetchone()
    decision = json.loads(text)
    decision["passed"] = decision["reasons"][0]["passed"] = False
    database.execute(f"update model_version_tags set value = ? where {where}", (json.dumps(decision),))


def point_at(database: sqlite3.Connection, version: int) -> None:
    database.execute("update registered_model_aliases set version = ? where alias = 'champion'", (version,))


def test_a_release_that_the_gate_let_pass_needs_no_warning(two_releases: Place) -> None:
    assert two_releases.released.warning() is None


def test_a_refused_version_that_somebodys_hand_pointed_at_is_named(
    two_releases: Place, database: sqlite3.Connection
) -> None:
    refuse(database, 1)
    point_at(database, 1)

    warning = two_releases.released.warning()

    assert warning is not None
    assert two_releases.manifest().model_version == 2, "what the gate let pass goes on answering"
    assert "the pointer was moved by hand to r-" in warning
    assert "whose stored decision is no pass" in warning
    assert warning.endswith(f"it goes back to {two_releases.manifest().release_id}")
    assert ("warning", warning) in doctor.file_locations(two_releases.settings, two_releases.released)


def test_a_release_that_a_later_comparison_refused_stays_a_way_back(
    two_releases: Place, database: sqlite3.Connection
) -> None:
    """The ledger's last move leads to it."""
    refuse(database, two_releases.manifest().model_version)

    assert two_releases.released.warning() is None


@pytest.mark.slow
def test_the_list_of_releases_ends_with_the_warning(
    two_releases: Place, database: sqlite3.Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    refuse(database, 1)
    point_at(database, 1)

    assert two_releases.mmsearch("releases") == 0

    assert capsys.readouterr().out.splitlines()[-1].startswith("warning: the pointer was moved by hand to ")


def test_without_a_release_there_is_nothing_to_warn_of(tmp_path: Path) -> None:
    assert Place(tmp_path / "nowhere", None, tmp_path).released.warning() is None
