"""Judged queries: typed, spoken, Chinese, shown, or both; graded by the truth, split by query."""

from collections import Counter, defaultdict

import pytest

from mmsearch_dagster.demo_shop.catalogue import Item
from mmsearch_dagster.demo_shop.queries import JUDGMENT_FIELDS, DemoQuery, judgment_rows, make_queries
from mmsearch_dagster.demo_shop.spec import StoreSpec


@pytest.fixture(scope="module")
def queries(spec: StoreSpec, items: tuple[Item, ...]) -> tuple[DemoQuery, ...]:
    return make_queries(spec, items)


def _group(query: DemoQuery) -> str:
    return query.query_id.split("-")[0]


def test_there_are_as_many_of_each_sort_as_specified(spec: StoreSpec, queries: tuple[DemoQuery, ...]) -> None:
    asked = spec.queries
    expected = {"words": asked.words, "zh": asked.chinese, "voice": asked.spoken}
    expected |= {"picture": asked.pictures, "mixed": asked.mixed}
    assert Counter(map(_group, queries)) == expected
    assert len({query.query_id for query in queries}) == len(queries)


def test_words_pictures_both_and_voices(queries: tuple[DemoQuery, ...]) -> None:
    has = {"words": (True, False), "zh": (True, False), "picture": (False, True), "mixed": (True, True)}
    has["voice"] = (False, False)
    assert all((bool(query.text), query.photo is not None) == has[_group(query)] for query in queries)
    assert all((query.speech is not None) == (_group(query) == "voice") for query in queries)
    assert all(
        any("\u4e00" <= c <= "\u9fff" for c in query.text) for query in queries if _group(query) == "zh"
    )


def test_each_group_is_split_60_20_20(queries: tuple[DemoQuery, ...]) -> None:
    for group, off in (("words", 0.01), ("picture", 0.01), ("mixed", 0.01), ("zh", 0.06), ("voice", 0.1)):
        splits = Counter(query.split for query in queries if _group(query) == group)
        total = sum(splits.values())
        assert splits["train"] / total == pytest.approx(0.6, abs=off)
        assert splits["validation"] / total == pytest.approx(0.2, abs=off)


@pytest.mark.parametrize("group", ["zh", "voice"])
def test_a_counterpart_asks_for_the_same_in_the_same_split(
    group: str, queries: tuple[DemoQuery, ...]
) -> None:
    by_id = {query.query_id: query for query in queries}
    for query in (each for each in queries if _group(each) == group):
        original = by_id[query.query_id.replace(group, "words")]
        assert (query.grades, query.split, query.wanted) == (original.grades, original.split, original.wanted)


def test_what_is_said_has_no_slip_of_the_fingers_and_many_voices(
    spec: StoreSpec, queries: tuple[DemoQuery, ...]
) -> None:
    said = [query.speech for query in queries if query.speech]
    typed = {query.text for query in queries if query.text}
    assert sum(speech.words in typed for speech in said) >= 0.8 * len(said)
    assert {speech.voice for speech in said} == set(spec.voices)
    assert len({(speech.rate, speech.pitch) for speech in said}) > 0.8 * len(said)


def test_no_words_stand_in_two_splits(queries: tuple[DemoQuery, ...]) -> None:
    splits: dict[str, set[str]] = defaultdict(set)
    for query in queries:
        if _group(query) in ("words", "zh"):
            splits[query.text.lower()].add(query.split)
    assert all(len(found) == 1 for found in splits.values())


def test_every_query_has_a_perfect_answer_in_the_shop(
    queries: tuple[DemoQuery, ...], items: tuple[Item, ...]
) -> None:
    known = {item.product_id for item in items}
    for query in queries:
        assert set(query.grades) <= known
        assert set(query.grades.values()) <= {1, 2, 3}
        assert 3 in query.grades.values()


def test_a_photo_is_of_one_product_and_its_near_ones_are_graded_lower(
    queries: tuple[DemoQuery, ...], items: tuple[Item, ...]
) -> None:
    by_id = {item.product_id: item for item in items}
    for query in (each for each in queries if _group(each) == "picture"):
        (exact,) = [product for product, mark in query.grades.items() if mark == 3]
        assert query.photo is not None
        assert query.photo[0] == by_id[exact].look
        assert by_id[exact].pictures
        for product, mark in query.grades.items():
            one, other = by_id[exact].traits, by_id[product].traits
            assert (one.kind, one.color) == (other.kind, other.color)
            assert mark == 1 or one.pattern == other.pattern


def test_a_wish_beside_a_photo_is_met_by_another_product(
    queries: tuple[DemoQuery, ...], items: tuple[Item, ...]
) -> None:
    by_id = {item.product_id: item for item in items}
    for query in (each for each in queries if _group(each) == "mixed"):
        assert query.photo is not None
        look = query.photo[0]
        for best in (by_id[product].look for product, mark in query.grades.items() if mark == 3):
            assert best.drawing == look.drawing
            assert (best.color != look.color) != (best.pattern != look.pattern)


def test_judgments_are_written_best_first(queries: tuple[DemoQuery, ...]) -> None:
    rows = judgment_rows(queries[-1])
    assert tuple(rows[0]) == JUDGMENT_FIELDS
    marks = [int(row["grade"]) for row in rows]
    assert marks == sorted(marks, reverse=True)
    assert {row["image"] for row in rows} == {f"queries/{queries[-1].query_id}.jpg"}


def test_a_shop_too_small_for_a_wish_gets_fewer_queries(spec: StoreSpec, items: tuple[Item, ...]) -> None:
    groups = Counter(map(_group, make_queries(spec, [next(item for item in items if item.pictures)])))
    assert groups["mixed"] == 0
    assert groups["picture"] == spec.queries.pictures
    assert 0 < groups["words"] <= spec.queries.words
