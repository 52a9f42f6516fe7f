"""The kept days of a home: one small JSON file per day, replaced in one step."""

import logging
from datetime import date
from pathlib import Path

from pydantic import ValidationError

from mmsearch_dagster.adapters.lake.snapshots import write_atomically
from mmsearch_dagster.core.monitoring.daily_metrics import DailyMetrics

_LOG = logging.getLogger(__name__)


def keep_day(folder: Path, metrics: DailyMetrics) -> Path:
    """Writes or replaces the file of that day."""
    file = folder / f"{metrics.day.isoformat()}.json"
    write_atomically(file, metrics.model_dump_json(indent=1).encode("utf-8"))
    return file


def kept_day(folder: Path, day: date) -> DailyMetrics | None:
    """The record of a day, None where there is none or it cannot be read."""
    return _read(folder / f"{day.isoformat()}.json")


def kept_days(folder: Path) -> list[DailyMetrics]:
    """Every day that can be read, oldest first."""
    days = [_read(file) for file in sorted(folder.glob("????-??-??.json"))]
    return [day for day in days if day is not None]


def _read(file: Path) -> DailyMetrics | None:
    try:
        return DailyMetrics.model_validate_json(file.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError):
        _LOG.warning("%s cannot be read: that day is left out", file)
        return None
