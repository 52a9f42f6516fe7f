"""Tables of a shop's databases as the source trigger looks at them: rows and newest watermark."""

import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path

from mmsearch_dagster.adapters.databases.copies import table_state
from mmsearch_dagster.core.digest import digest_of
from mmsearch_dagster.core.errors import SourceError, may_pass
from mmsearch_dagster.core.triggers.source_watch import FileStamp, TableLook

# Dagster gives a look of a sensor a minute; tables that are left get theirs at the next one.
_SECONDS = 15.0


def look_at_tables(
    files: Mapping[str, Path], before: Mapping[str, TableLook], now: datetime, every: timedelta
) -> dict[str, TableLook]:
    """Asks the databases whose time has come.

    Args:
        files: name -> `.database` file.
        before: the last looks.
        now: the time of this look.
        every: between two looks at a table.

    Returns:
        The last look at each table; of one that was never looked at, there is none.
    """
    looks, end = {name: look for name, look in before.items() if name in files}, time.monotonic() + _SECONDS
    for name, file in sorted(files.items(), key=lambda item: looks[item[0]].at if item[0] in looks else now):
        if time.monotonic() < end and (name not in looks or looks[name].is_due(now, every)):
            looks[name] = _look(file, looks.get(name), now)
    return looks


def _look(file: Path, before: TableLook | None, now: datetime) -> TableLook:
    """A table that does not answer is as it was."""
    try:
        rows, newest = table_state(file)
    except SourceError as error:
        stamp = before.stamp if before else None
        return TableLook(at=now, stamp=stamp, problem=str(error), momentary=may_pass(error))
    return TableLook(at=now, stamp=FileStamp(size=rows, digest=digest_of({"rows": rows, "newest": newest})))
