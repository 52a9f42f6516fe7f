"""The query reader of a released catalogue, kept on disk beside its index: no command reads all products."""

from contextlib import suppress
from functools import cache
from pathlib import Path

from mmsearch_dagster.adapters.index.table import PinnedTable
from mmsearch_dagster.adapters.lake.snapshots import write_atomically
from mmsearch_dagster.adapters.speech.english_words import is_english
from mmsearch_dagster.core.digest import digest_of, sha256_bytes
from mmsearch_dagster.core.text import full_text, preparation, terms
from mmsearch_dagster.core.understanding import reading
from mmsearch_dagster.core.understanding.reading import COLUMNS, QueryReader
from mmsearch_dagster.core.understanding.stored_reader import reader_of_text, reader_to_text
from mmsearch_dagster.core.understanding.synonyms import SynonymRules

# A rollback opens the release of before again.
_RELEASES_KEPT = 3
_CHECKSUM = 64


class ReaderCache:
    """One file per catalogue and version of the code; made at the first query, again where it is damaged."""

    def __init__(self, folder: Path) -> None:
        """folder: of these files alone; where it cannot be written, the catalogue is read each time."""
        self._folder = folder

    def reader(self, table: PinnedTable, synonyms: SynonymRules) -> QueryReader:
        """The reader of a catalogue.

        Args:
            table: a version of the index.
            synonyms: of the shop.
        """
        digest = table.rows_digest
        if not digest:
            return reader_of(table, synonyms)
        file = self._folder / f"{digest}-{_code_digest()}.json"
        with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
            return reader_of_text(_checked(file.read_bytes()), synonyms, is_english)
        reader = reader_of(table, synonyms)
        self._write(file, reader_to_text(reader).encode("utf-8"))
        return reader

    def _write(self, file: Path, content: bytes) -> None:
        with suppress(OSError):
            write_atomically(file, f"{sha256_bytes(content)}\n".encode() + content)
            newest_first = sorted(self._folder.glob("*.json"), key=lambda path: -path.stat().st_mtime)
            for old in newest_first[_RELEASES_KEPT:]:
                old.unlink()


def reader_of(table: PinnedTable, synonyms: SynonymRules) -> QueryReader:
    """The reader of a catalogue, read from its index.

    Args:
        table: a version of the index.
        synonyms: of the shop.
    """
    return QueryReader.of(table.records(COLUMNS), synonyms, is_english)


def _checked(stored: bytes) -> str:
    """The text behind its checksum. Raises ValueError for another one."""
    content = stored[_CHECKSUM + 1 :]
    if stored[:_CHECKSUM] != sha256_bytes(content).encode():
        raise ValueError("damaged")
    return content.decode("utf-8")


@cache
def _code_digest() -> str:
    """Names the code that counts words: what another version stored is not read."""
    understanding = sorted(Path(str(reading.__file__)).parent.glob("*.py"))
    others = (Path(str(module.__file__)) for module in (preparation, terms, full_text))
    return digest_of({path.name: sha256_bytes(path.read_bytes()) for path in (*understanding, *others)})
