"""The time of day as an input: whatever notes a time is given a clock, so that a test can live a month."""

from collections.abc import Callable
from datetime import UTC, datetime

# Returns now, with a time zone.
Clock = Callable[[], datetime]


def timestamp(now: datetime) -> str:
    """ISO 8601 in UTC, to the second."""
    return now.astimezone(UTC).isoformat(timespec="seconds")
