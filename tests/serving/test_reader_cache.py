"""What a catalogue says about words is kept on disk, and never in the way."""

import time
from pathlib import Path

import pytest

from mmsearch_dagster.adapters.index.index import SearchIndex
from mmsearch_dagster.adapters.index.table import PinnedTable
from mmsearch_dagster.core.understanding.reading import QueryReader
from mmsearch_dagster.core.understanding.synonyms import SynonymRules
from mmsearch_dagster.serving import reader_cache
from mmsearch_dagster.serving.reader_cache import ReaderCache, reader_of
from tests.catalogue_rows import catalogue

QUERIES = ["red lamp", "p00007", "like p00007 but cheaper", "shoos under 60", "nothing"]
NO_RULES = SynonymRules()


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> PinnedTable:
    index = SearchIndex(str(tmp_path_factory.mktemp("index")))
    index.publish("shop", "r-one", catalogue(60))
    return index.open("shop", "r-one")


def readings(reader: QueryReader, table: PinnedTable) -> bool:
    """Whether it reads as a reader without a cache."""
    made = reader_of(table, NO_RULES)
    return [reader.read(text) for text in QUERIES] == [made.read(text) for text in QUERIES]


def not_read(monkeypatch: pytest.MonkeyPatch, table: PinnedTable) -> None:
    def fails(*_: object) -> None:
        raise AssertionError("the catalogue was read")

    monkeypatch.setattr(table, "records", fails)


def test_the_second_process_does_not_read_the_catalogue(
    table: PinnedTable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = ReaderCache(tmp_path / "readers").reader(table, NO_RULES)
    assert readings(first, table)

    with monkeypatch.context() as patched:
        not_read(patched, table)
        second = ReaderCache(tmp_path / "readers").reader(table, NO_RULES)

    assert readings(second, table)


@pytest.mark.parametrize("damage", [b"", b"\x00\xff", b"{}\n{}\n{}"])
def test_a_damaged_file_is_made_again(
    table: PinnedTable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: bytes
) -> None:
    cache = ReaderCache(tmp_path)
    cache.reader(table, NO_RULES)
    [file] = tmp_path.glob("*.json")
    file.write_bytes(damage or file.read_bytes()[:-9])

    assert readings(cache.reader(table, NO_RULES), table)

    with monkeypatch.context() as patched:
        not_read(patched, table)
        assert cache.reader(table, NO_RULES)


def test_where_nothing_can_be_written_the_catalogue_is_read(table: PinnedTable, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    assert readings(ReaderCache(tmp_path / "file" / "readers").reader(table, NO_RULES), table)


def test_what_other_code_stored_is_not_read(
    table: PinnedTable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ReaderCache(tmp_path).reader(table, NO_RULES)

    monkeypatch.setattr(reader_cache, "_code_digest", lambda: "other")
    ReaderCache(tmp_path).reader(table, NO_RULES)

    assert len([*tmp_path.glob("*.json")]) == 2


def test_few_files_are_kept(table: PinnedTable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(5):
        monkeypatch.setattr(reader_cache, "_code_digest", lambda number=number: str(number))
        ReaderCache(tmp_path).reader(table, NO_RULES)
        time.sleep(0.01)

    assert sorted(file.stem.partition("-")[2] for file in tmp_path.glob("*.json")) == ["2", "3", "4"]
