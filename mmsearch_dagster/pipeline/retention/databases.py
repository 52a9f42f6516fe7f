"""The SQLite databases of a home after a clean-up: they are made small."""

from collections.abc import Iterable
from pathlib import Path

from mmsearch_dagster.adapters.host.sqlite_files import compact


def compact_all(files: Iterable[Path]) -> int:
    """Gives back what is free in SQLite files. files: need not exist. Returns the bytes."""
    return sum(compact(file) for file in files)
