from datetime import timedelta

from mmsearch_dagster.adapters.host.clock import utc_clock


def test_now_has_a_time_zone_and_does_not_stand_still() -> None:
    earlier = utc_clock()

    assert earlier.utcoffset() == timedelta(0)
    assert utc_clock() >= earlier
