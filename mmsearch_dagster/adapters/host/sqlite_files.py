"""SQLite files never shrink by themselves: what was deleted in them is free for new rows only."""

import logging
import sqlite3
from contextlib import closing
from pathlib import Path

_LOG = logging.getLogger(__name__)
# Below this share of free pages a rewrite costs more than it gives back.
_LEAST_FREE = 0.2
_SECONDS = 30


def compact(file: Path) -> int:
    """Rewrites a database without its free pages, where they are many; readers may go on reading.

    A database that somebody writes to all the while stays as it is until the next time.

    Args:
        file: of the database; need not exist.

    Returns:
        Bytes that were given back.
    """
    if not file.is_file():
        return 0
    before = file.stat().st_size
    try:
        with closing(sqlite3.connect(file, timeout=_SECONDS, isolation_level=None)) as connection:
            pages = connection.execute("pragma page_count").fetchone()[0]
            free = connection.execute("pragma freelist_count").fetchone()[0]
            if free < _LEAST_FREE * pages:
                return 0
            connection.execute("vacuum")
            connection.execute("pragma wal_checkpoint(truncate)")
    except sqlite3.Error as error:
        _LOG.warning("%s was not compacted: %s", file, error)
        return 0
    return before - file.stat().st_size
