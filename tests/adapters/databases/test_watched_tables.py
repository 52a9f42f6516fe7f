"""A table of a real database, looked at again and again."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mmsearch_dagster.core.triggers.source_watch import FileStamp, TableLook
from mmsearch_dagster.pipeline.triggers.database_tables import look_at_tables
from tests.adapters.databases.conftest import execute

pytestmark = pytest.mark.slow

_START, _FIVE = datetime(2026, 5, 3, 12, tzinfo=UTC), timedelta(minutes=5)
_TABLE = (
    "DROP TABLE IF EXISTS watched",
    "CREATE TABLE watched (id INTEGER, price INTEGER, changed TIMESTAMP)",
    "INSERT INTO watched VALUES (1, 5, '2026-11-01 10:00:00'), (2, 6, '2026-11-01 10:00:00')",
)


class Watch:
    """Looks of one table, minute after minute."""

    def __init__(self, file: Path) -> None:
        self._files, self._looks, self._minutes = {"rows": file}, dict[str, TableLook](), 0

    def look(self, minutes: int = 5) -> TableLook:
        self._minutes += minutes
        now = _START + timedelta(minutes=self._minutes)
        self._looks = look_at_tables(self._files, self._looks, now, _FIVE)
        return self._looks["rows"]

    def stamp(self, minutes: int = 5) -> FileStamp:
        stamp = self.look(minutes).stamp
        assert stamp is not None
        return stamp


@pytest.fixture(params=["postgres", "mariadb"])
def address(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Of a database with a table of two rows."""
    address: str = request.getfixturevalue(request.param)
    execute(address, _TABLE)
    monkeypatch.setenv("SHOP_DATABASE", address)
    return address


def watch(folder: Path, text: str) -> Watch:
    file = folder / "watched.database"
    file.write_text(f"connection: SHOP_DATABASE\n{text}\n", encoding="utf-8")
    return Watch(file)


def test_a_new_row_and_with_a_watermark_a_changed_one_are_seen(address: str, tmp_path: Path) -> None:
    marked = watch(tmp_path, "table: watched\nwatermark: changed\nkey: id")
    first = marked.stamp()
    assert (first.size, marked.stamp()) == (2, first)

    execute(address, ["UPDATE watched SET price = 1, changed = '2026-11-02 10:00:00' WHERE id = 1"])
    second = marked.stamp()
    execute(address, ["INSERT INTO watched VALUES (3, 7, '2026-11-01 09:00:00')"])

    assert len({first.digest, second.digest, marked.stamp().digest}) == 3


def test_between_two_looks_nobody_is_asked(address: str, tmp_path: Path) -> None:
    counted = watch(tmp_path, "query: SELECT id FROM watched WHERE price > 5;")
    first = counted.stamp()
    execute(address, ["DELETE FROM watched"])

    assert counted.stamp(minutes=1) == first
    assert counted.stamp().size == 0


def test_a_table_that_is_gone_is_a_problem_and_counts_as_it_was(address: str, tmp_path: Path) -> None:
    counted = watch(tmp_path, "table: watched")
    first = counted.stamp()
    execute(address, ["DROP TABLE watched"])

    gone = counted.look()

    assert (gone.stamp, gone.momentary) == (first, False)
    assert "watched" in gone.problem
