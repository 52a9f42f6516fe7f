"""Logs of servers that stand for months."""

from pathlib import Path

_LARGEST = 10_000_000
_KEPT = 1_000_000


def shorten_logs(folder: Path) -> None:
    """Of a log that has grown large only the end is kept, in `NAME.log.1`.

    The server goes on writing to the same file: it was opened for appending. What it writes in the moment
    between may be lost.

    Args:
        folder: with the logs; need not exist.
    """
    for file in folder.glob("*.log"):
        size = file.stat().st_size
        if size <= _LARGEST:
            continue
        with file.open("r+b") as log:
            log.seek(size - _KEPT)
            file.with_suffix(".log.1").write_bytes(log.read())
            log.truncate(0)
