"""The machine's clock."""

from datetime import UTC, datetime


def utc_clock() -> datetime:
    """Now, in UTC."""
    return datetime.now(UTC)
