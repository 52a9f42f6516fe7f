"""Queries out of the log."""

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl

from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.catalog import schemas
from mmsearch_dagster.core.labels.holdout import part_of
from mmsearch_dagster.core.labels.log_queries import NO_REACTIONS, PLAIN, grade_log, plain_grades

BEGIN = datetime(2026, 5, 1, tzinfo=UTC)
# Texts of which each part has some.
TEXTS = [f"text {n}" for n in range(40)]


def search(key: str, text: str | None) -> dict[str, Any]:
    return {col.QUERY_ID: key, col.QUERY_TEXT: text}


def event(
    query: str | None, product: str, action: str = "click", position: int | None = 1, *, hour: int = 0
) -> dict[str, Any]:
    moment = BEGIN + timedelta(hours=hour)
    return {
        col.QUERY_ID: query,
        col.PRODUCT_ID: product,
        col.ACTION: action,
        col.POSITION: position,
        col.TIMESTAMP: moment,
    }


def grades(*events: dict[str, Any], text: str = "x") -> dict[str, dict[str, float]]:
    rows = pl.DataFrame(events, schema=schemas.EVENTS).with_columns(text=pl.lit(text))
    return plain_grades(rows)


def logged(searches: list[dict[str, Any]], events: list[dict[str, Any]], limit: int = 100) -> dict[str, Any]:
    made = grade_log(
        pl.DataFrame(searches, schema=schemas.SEARCHES),
        pl.DataFrame(events, schema=schemas.EVENTS),
        limit=limit,
    )
    return {str(query.text): query for query in made.queries}


def test_buying_says_more_than_clicking() -> None:
    # Weights 3, 2 and 1; grade 3 is above 0.66 of the best, grade 2 above 0.33.
    acted = [event("1", "bought", "purchase"), event("1", "carted", "add_to_cart"), event("1", "clicked")]
    assert grades(*acted) == {"x": {"bought": 3.0, "carted": 3.0, "clicked": 2.0}}
    twice = [*acted, event("1", "bought", "purchase")]
    assert grades(*twice) == {"x": {"bought": 3.0, "carted": 2.0, "clicked": 1.0}}


def test_a_click_far_down_counts_more_than_one_at_the_top() -> None:
    assert grades(event("1", "top", position=1), event("1", "deep", position=15)) == {
        "x": {"deep": 3.0, "top": 1.0}
    }


def test_an_absurd_position_counts_no_more_than_the_last_one_and_an_unknown_one_like_the_first() -> None:
    far = [event("1", "a", position=50), event("1", "b", position=2**62), event("1", "c", position=None)]
    assert grades(*far) == {"x": {"a": 3.0, "b": 3.0, "c": 1.0}}
    near = [event("1", "a", position=1), event("1", "b", position=-3), event("1", "c", position=None)]
    assert grades(*near) == {"x": dict.fromkeys("abc", 3.0)}


def a_long_log() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Every text is searched in each of fifty hours; `early` is clicked in the first forty, `late` after."""
    searches = [search(f"{text}/{hour}", text) for text in TEXTS for hour in range(50)]
    events = [
        event(f"{text}/{hour}", "early" if hour < 40 else "late", hour=hour)
        for text in TEXTS
        for hour in range(50)
    ]
    return searches, events


def test_a_text_trains_by_what_was_before_or_validates_by_what_came_after() -> None:
    made = logged(*a_long_log())
    assert set(made) == set(TEXTS)
    for text, query in made.items():
        held_out = part_of(text) == "validation"
        assert query.part == ("validation" if held_out else "train")
        assert dict(query.graded) == ({"late": 3.0} if held_out else {"early": 3.0})
        assert query.provenance == "log"


def test_equal_searches_of_the_log_are_added_up() -> None:
    text = next(text for text in TEXTS if part_of(text) == "train")
    searches = [search("1", text.upper()), search("2", f" {text} "), search("3", "last")]
    events = [event("1", "a"), event("2", "a"), event("1", "b"), event("3", "z", hour=9)]
    assert dict(logged(searches, events)[text].graded) == {"a": 3.0, "b": 2.0}


def test_impressions_searches_without_words_and_events_without_a_search_teach_nothing() -> None:
    searches = [search("1", "x"), search("2", None)]
    events = [event("1", "a", "impression"), event("2", "b"), event(None, "c"), event("unknown", "d")]
    assert logged(searches, events) == {}


def test_of_each_part_the_texts_with_the_most_reactions_are_kept() -> None:
    searches, events = a_long_log()
    train = [text for text in TEXTS if part_of(text) != "validation"]
    events += [event(f"{text}/0", "early") for text in train[3:5]]
    made = logged(searches, events, limit=2)
    assert [text for text, query in made.items() if query.part == "train"] == sorted(train[3:5])
    assert sum(query.part == "validation" for query in made.values()) == 2


def how_graded(searches: list[dict[str, Any]], events: list[dict[str, Any]]) -> str:
    return grade_log(
        pl.DataFrame(searches, schema=schemas.SEARCHES),
        pl.DataFrame(events, schema=schemas.EVENTS),
        limit=9,
    ).graded_by


def test_a_log_without_impressions_is_counted_and_says_so() -> None:
    assert how_graded(*a_long_log()) == PLAIN
    assert how_graded([], []) == NO_REACTIONS


def a_log_of_pages(pages: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Two products that please alike: `top` mostly stands first, `deep` tenth and is seen by one in five."""
    rng = np.random.default_rng(4)
    texts = [text for text in TEXTS if part_of(text) == "train"][:2]
    searches, events = [], []
    for number in range(pages):
        key = f"page {number}"
        searches.append(search(key, texts[number % 2]))
        ends = {1: "top", 10: "deep"} if rng.random() < 0.7 else {1: "deep", 10: "top"}
        for position in range(1, 11):
            product = ends.get(position, f"other {rng.integers(30)}")
            shown = event(key, product, "impression", position, hour=number) | {col.USER_ID: "ann"}
            attractive = 0.6 if product in ("top", "deep") else 0.08
            events.append(shown)
            if rng.random() < attractive * (1.0 - 0.09 * (position - 1)):
                events.append(shown | {col.ACTION: "click"})
    return searches, events


def test_a_click_model_grades_what_few_saw_like_what_all_saw() -> None:
    searches, events = a_log_of_pages(600)
    assert "click model" in how_graded(searches, events)
    for query in logged(searches, events).values():
        if query.part == "train":
            assert query.graded["deep"] == query.graded["top"] == 3.0
            others = [grade for product, grade in query.graded.items() if "other" in product]
            assert np.mean(others) < 1.5
