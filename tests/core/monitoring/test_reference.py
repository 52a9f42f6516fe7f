"""The sample that a release keeps of its data, and the sample of today, are drawn alike."""

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl

from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.catalog import schemas
from mmsearch_dagster.core.modalities import TEXT, ModalityBatch
from mmsearch_dagster.core.monitoring import drift, reference
from mmsearch_dagster.core.monitoring.policy import MonitoringPolicy


def items(*numbers: int) -> ModalityBatch:
    return ModalityBatch(
        tuple(f"p{n}" for n in numbers),
        {TEXT: np.array([[n, 1] for n in numbers], np.float32)},
        {TEXT: np.ones(len(numbers), bool)},
    )


def test_products_that_stay_in_the_catalogue_stay_in_the_sample() -> None:
    before = set(reference.sample_vectors(items(*range(1000))).ids)
    after = set(reference.sample_vectors(items(*range(1010))).ids)
    assert len(before) == len(after) == 400
    assert len(before & after) > 385


def test_the_order_of_the_catalogue_is_nothing() -> None:
    numbers = [*range(1000)]
    before, after = (reference.sample_vectors(items(*order)) for order in (numbers, numbers[::-1]))
    assert set(before.ids) == set(after.ids)


def test_a_small_catalogue_is_its_own_sample() -> None:
    assert reference.sample_vectors(items(1, 2, 3)).ids == ("p1", "p2", "p3")


def test_events_are_those_of_the_last_whole_days() -> None:
    start = datetime(2026, 5, 1, 12, tzinfo=UTC)
    rows = [
        {col.TIMESTAMP: start + timedelta(days=n // 10), col.ACTION: f"day {n // 10}"} for n in range(100)
    ]
    events = pl.concat([schemas.EVENTS.to_frame(), pl.DataFrame(rows)], how="diagonal_relaxed")
    sample = reference.sample_events(events, 3)
    assert set(sample[col.ACTION]) == {"day 7", "day 8", "day 9"}
    assert sample.height == 30


def test_events_of_one_visit_count_once_so_that_two_weeks_of_a_few_long_visits_are_no_drift() -> None:
    """Twelve visits of thirty events each: every visit falls into one hour."""
    alarms = 0
    for seed in range(20):
        weeks = [long_visits(np.random.default_rng([seed, week])) for week in (0, 1)]
        table = drift.table_drift(*(reference.sample_events(week, 7) for week in weeks))
        alarms += bool(drift.data_findings(table.with_columns(table=pl.lit("events")), MonitoringPolicy()))

    assert reference.sample_events(long_visits(np.random.default_rng(1)), 7).height == 12
    assert alarms <= 1


def long_visits(generator: np.random.Generator) -> pl.DataFrame:
    """A week with twelve visits at random hours, thirty events each."""
    start = datetime(2026, 5, 1, tzinfo=UTC)
    hours = generator.integers(0, 7 * 24, size=12)
    rows = [
        {
            **{col.EVENT_ID: f"{visit}-{n}", col.SESSION_ID: str(visit), col.USER_ID: str(visit)},
            col.TIMESTAMP: start + timedelta(hours=int(hour), seconds=n),
            col.ACTION: generator.choice(["impression", "click"]),
        }
        for visit, hour in enumerate(hours)
        for n in range(30)
    ]
    return pl.concat([schemas.EVENTS.to_frame(), pl.DataFrame(rows)], how="diagonal_relaxed")


def test_a_log_without_any_time_is_taken_whole() -> None:
    events = pl.concat(
        [schemas.EVENTS.to_frame(), pl.DataFrame({col.ACTION: ["click"] * 5})], how="diagonal_relaxed"
    )
    assert reference.sample_events(events, 7).height == 5


def test_what_people_typed_is_kept_as_a_digest_only() -> None:
    moment = datetime(2026, 5, 1, tzinfo=UTC)
    rows = pl.DataFrame(
        {
            col.QUERY_ID: ["1", "2", "3"],
            col.TIMESTAMP: [moment] * 3,
            col.QUERY_TEXT: ["Red shoes", "red shoes ", None],
            col.IMAGE: [None, None, "photo.jpg"],
        }
    )
    searches = pl.concat([schemas.SEARCHES.to_frame(), rows], how="diagonal_relaxed")
    sample = reference.sample_searches(searches, schemas.EVENTS.to_frame(), 7)
    first, second, third = sample["query"]
    assert first == second != third
    assert "red" not in first
    assert sample["with a picture"].to_list() == [False, False, True]
    assert sample["words in the query"].to_list() == [2, 2, None]
