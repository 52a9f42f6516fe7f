from datetime import UTC, datetime, timedelta, timezone

from mmsearch_dagster.core.clock import timestamp


def test_a_timestamp_is_in_utc_and_whole_seconds_whatever_zone_the_clock_has() -> None:
    shanghai = timezone(timedelta(hours=8))

    assert timestamp(datetime(2026, 3, 1, 7, 30, 0, 999, shanghai)) == "2026-02-28T23:30:00+00:00"
    assert timestamp(datetime(2026, 3, 1, tzinfo=UTC)) == "2026-03-01T00:00:00+00:00"
