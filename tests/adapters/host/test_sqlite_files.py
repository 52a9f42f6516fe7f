"""Databases are given back what is free in them."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from mmsearch_dagster.adapters.host import sqlite_files
from mmsearch_dagster.adapters.host.sqlite_files import compact


@pytest.fixture
def emptied(tmp_path: Path) -> Path:
    """A database whose many rows were deleted."""
    file = tmp_path / "rows.db"
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("create table rows (text)")
        connection.executemany("insert into rows values (?)", [("x" * 1_000,)] * 500)
        connection.execute("delete from rows where rowid > 5")
    return file


def test_a_database_shrinks_and_keeps_its_rows(emptied: Path) -> None:
    before = emptied.stat().st_size
    assert compact(emptied) == before - emptied.stat().st_size > before / 2
    with closing(sqlite3.connect(emptied)) as connection:
        assert connection.execute("select count(*) from rows").fetchone() == (5,)
    assert compact(emptied) == 0


def test_one_that_is_being_written_to_stays_as_it_is(emptied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_files, "_SECONDS", 0)
    before = emptied.stat().st_size
    with closing(sqlite3.connect(emptied, isolation_level=None)) as writer:
        writer.execute("begin immediate")
        assert compact(emptied) == 0
    assert emptied.stat().st_size == before


def test_there_need_be_none(tmp_path: Path) -> None:
    assert compact(tmp_path / "none.db") == 0
    assert not (tmp_path / "none.db").exists()
