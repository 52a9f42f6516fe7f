from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmsearch_dagster.core.metrics.beyond_accuracy import (
    auc,
    calibration,
    coverage,
    expected_calibration_error,
    exposure,
    exposure_by_group,
    intra_list_diversity,
    list_accuracy,
    mean_of,
    novelty,
    popularity_lift,
    price_bands,
)

X, Y = np.array([1, 0], np.float32), np.array([0, 2], np.float32)
LISTS = st.dictionaries(
    st.sampled_from("uvw"), st.lists(st.sampled_from("abcdef"), unique=True, max_size=6), min_size=1
)
GROUPS: dict[str, str | None] = {"a": "red", "b": "red", "c": "blue", "d": "blue", "e": None, "f": "green"}


def test_recall_and_ndcg_at_three_depths() -> None:
    lists = {"u": [f"p{n}" for n in range(30)]}
    figures = list_accuracy(lists, {"u": {"p0": 1, "p15": 1, "p90": 1, "p25": 1}})
    assert [figures[f"recall@{k}"] for k in (10, 20, 50)] == [1 / 4, 2 / 4, 3 / 4]
    assert figures["ndcg@10"] < figures["ndcg@20"] < figures["ndcg@50"]


def test_auc_counts_pairs_in_the_right_order() -> None:
    # positives 4 and 2 against negatives 3, 2, 1: right 3 + 1, one tie: 4.5 of 6.
    assert auc(np.array([4.0, 2, 3, 2, 1]), np.array([True, True, False, False, False])) == 4.5 / 6
    assert np.isnan(auc(np.array([1.0]), np.array([True])))


@given(st.lists(st.tuples(st.integers(-5, 5), st.booleans()), min_size=2, max_size=30))
def test_auc_of_the_reversed_order_is_the_rest(rows: list[tuple[int, bool]]) -> None:
    scores = np.array([float(score) for score, _ in rows])
    positive = np.array([one for _, one in rows])
    value = auc(scores, positive)
    if positive.any() and not positive.all():
        assert value + auc(-scores, positive) == pytest.approx(1.0)
        assert value == auc(scores * 3 + 1, positive)


def test_coverage_counts_each_product_once() -> None:
    assert coverage({"u": ["a", "b"], "v": ["b", "c"]}, 4) == 3 / 4
    assert np.isnan(coverage({}, 0))


def test_novelty_is_the_surprise_of_what_is_listed() -> None:
    # counts + 1: a 4, b 2, c 2 of 8: 1 bit and 2 bits.
    found = novelty({"u": ["a"], "v": ["b", "c"], "w": ["a", "b"], "nobody": []}, {"a": 3, "b": 1, "c": 1})
    assert found == {"u": 1.0, "v": 2.0, "w": 1.5}


def test_diversity_of_a_list_is_the_mean_distance_of_its_pairs() -> None:
    vectors = {"a": X, "b": Y, "c": X * 3}
    found = intra_list_diversity(
        {"u": ["a", "b"], "v": ["a", "c"], "w": ["a", "b", "c"], "x": ["a"]}, vectors
    )
    assert found == pytest.approx({"u": 1.0, "v": 0.0, "w": 2 / 3})


def test_calibration_is_zero_when_the_list_has_the_persons_shares() -> None:
    group = {"a": "shoes", "b": "bags", "c": "shoes"}
    wanted = {"u": {"shoes": 0.5, "bags": 0.5}, "v": {"bags": 1.0}, "nobody": {}}
    found = calibration(wanted, {"u": ["a", "b"], "v": ["a", "c"], "nobody": ["a"]}, group)
    assert found["u"] == pytest.approx(0.0)
    assert found["v"] == pytest.approx(np.log2(1 / 0.01))
    assert "nobody" not in found


@given(
    st.lists(st.sampled_from("abcd"), min_size=1, max_size=8), st.lists(st.sampled_from("abcd"), min_size=1)
)
def test_calibration_is_never_negative(shown: Sequence[str], liked: Sequence[str]) -> None:
    names = {one: f"category {one}" for one in "abcd"}
    target = {names[one]: liked.count(one) / len(liked) for one in set(liked)}
    assert calibration({"u": target}, {"u": shown}, names)["u"] >= -1e-9


def test_expected_calibration_error_weighs_bins_by_size() -> None:
    chance = np.array([0.9, 0.9, 0.3, 0.3])
    happened = np.array([True, True, True, False])
    assert expected_calibration_error(chance, happened) == pytest.approx((2 * 0.1 + 2 * 0.2) / 4)
    assert expected_calibration_error(np.array([1.0, 0.0]), np.array([True, False])) == 0.0
    assert np.isnan(expected_calibration_error(np.array([]), np.array([], dtype=bool)))


def test_exposure_counts_a_place_by_its_rank() -> None:
    found = exposure({"u": ["a", "c", "e"]}, GROUPS)
    whole = 1 + 1 / np.log2(3)
    assert found == pytest.approx({"red": 1 / whole, "blue": 1 / np.log2(3) / whole})
    rows = {row.group: row for row in exposure_by_group({"u": ["a"]}, GROUPS)}
    assert (rows["red"].catalogue, rows["red"].exposure, rows["red"].ratio) == (2 / 5, 1.0, 5 / 2)
    assert rows["green"].exposure == 0.0


@given(LISTS)
def test_shares_of_exposure_add_up(lists: dict[str, list[str]]) -> None:
    found = exposure(lists, GROUPS)
    assert not found or sum(found.values()) == pytest.approx(1.0)
    assert 0.0 <= coverage(lists, 6) <= 1.0


def test_price_bands_part_the_catalogue_at_its_quantiles() -> None:
    prices = {"a": 1.0, "b": 2.0, "c": 3.0, "d": 4.0, "e": None, "f": float("nan")}
    assert price_bands(prices, 2) == {
        "a": "price 1", "b": "price 1", "c": "price 2", "d": "price 2", "e": None, "f": None,
    }  # fmt: skip
    assert price_bands({"a": None}) == {"a": None}


def test_popularity_lift_compares_with_the_persons_own_history() -> None:
    popularity = {"a": 6.0, "b": 2.0, "c": 2.0}
    found = popularity_lift(
        {"u": ["a", "b"], "v": ["b"], "new": ["a"]}, {"u": ["b", "c"], "v": ["b"]}, popularity
    )
    assert found == {"u": (4.0 - 2.0) / 2.0, "v": 0.0}


def test_the_mean_leaves_out_what_is_unknown() -> None:
    assert mean_of({"u": 1.0, "v": 3.0, "w": float("nan")}) == 2.0
    assert np.isnan(mean_of({}))
