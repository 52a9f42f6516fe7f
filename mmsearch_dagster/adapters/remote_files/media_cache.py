"""Copies of remote media in a home: files named by their content, and a table of addresses."""

import sqlite3
from collections.abc import Collection, Iterable, Mapping
from contextlib import closing
from dataclasses import astuple, dataclass
from pathlib import Path

from mmsearch_dagster.adapters.lake.snapshots import write_atomically
from mmsearch_dagster.core.digest import sha256_bytes

_TABLE = """
create table if not exists media (
    address text primary key, sha256 text, etag text, modified text, checked real, problem text
)
"""


@dataclass(frozen=True)
class Copy:
    """What is known of one address.

    sha256: of the copy, None where there never was one. etag, modified: to ask by whether it changed.
    checked: when the host was last asked, seconds since 1970; 0 to ask again. problem: why the last asking
    gave nothing.
    """

    address: str
    sha256: str | None = None
    etag: str | None = None
    modified: str | None = None
    checked: float = 0.0
    problem: str | None = None


class MediaCache:
    """All copies of one home, below `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._copies: Mapping[str, Copy] | None = None

    def copies(self) -> Mapping[str, Copy]:
        """Address -> what is known of it, as it was when first asked for or last remembered here."""
        if self._copies is None:
            self._copies = self._read()
        return self._copies

    def _read(self, address: str | None = None) -> Mapping[str, Copy]:
        if not self._database.is_file():
            return {}
        with closing(self._open()) as connection:
            rows = connection.execute(
                "select address, sha256, etag, modified, checked, problem from media "
                "where address = ? or ? is null",
                (address, address),
            )
            return {row[0]: Copy(*row) for row in rows}

    def file_of(self, address: str) -> Path | None:
        """The copy of an address as it is now, for whoever asks for one of them; None where there is none."""
        copy = self._read(address).get(address)
        path = self.path(copy.sha256) if copy and copy.sha256 else None
        return path if path is not None and path.is_file() else None

    def keep(self, content: bytes) -> str:
        """Stores bytes and returns their sha256."""
        sha256 = sha256_bytes(content)
        path = self.path(sha256)
        if not path.is_file():
            write_atomically(path, content)
        return sha256

    def remember(self, copies: Iterable[Copy]) -> None:
        """Replaces what is known of these addresses, in one step."""
        self._copies = None
        self._folder.mkdir(parents=True, exist_ok=True)
        with closing(self._open()) as connection, connection:
            connection.execute(_TABLE)
            connection.executemany(
                "insert or replace into media (address, sha256, etag, modified, checked, problem) "
                "values (?, ?, ?, ?, ?, ?)",
                [astuple(copy) for copy in copies],
            )

    def contents(self) -> frozenset[str]:
        """Names (sha256) of all copies that are held."""
        return frozenset(file.name for file in (self._folder / "objects").glob("??/*") if file.name[0] != ".")

    def forget(self, contents: Collection[str]) -> None:
        """Removes copies, and what is known of the addresses that gave them."""
        if not contents:
            return
        self._copies = None
        if self._database.is_file():
            with closing(self._open()) as connection, connection:
                connection.executemany("delete from media where sha256 = ?", [(each,) for each in contents])
        for sha256 in contents:
            self.path(sha256).unlink(missing_ok=True)

    def path(self, sha256: str) -> Path:
        """Where the bytes of that name lie."""
        return self._folder / "objects" / sha256[:2] / sha256

    @property
    def _database(self) -> Path:
        return self._folder / "addresses.sqlite"

    def _open(self) -> sqlite3.Connection:
        return sqlite3.connect(self._database, timeout=30)
