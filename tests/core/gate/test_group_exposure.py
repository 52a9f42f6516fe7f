"""Exposure of groups of products in a page of results."""

import pytest

from mmsearch_dagster.core.gate.group_exposure import exposure_by_attribute

BRANDS = {"brand": {"a1": "a", "a2": "a", "b1": "b", "none": None}}
SECOND = 0.6309  # 1 / log2(3)


def test_a_result_at_rank_r_is_seen_by_one_over_log2_of_r_plus_1() -> None:
    exposure = exposure_by_attribute({"q": ["a1", "b1", "none"]}, None, {"q": {"a1": 1}}, BRANDS)["brand"]
    assert exposure.values == ("a", "b")
    assert exposure.candidate == {"q": (1.0, SECOND)}
    assert exposure.champion == {}


def test_what_is_equally_right_merits_the_same_exposure() -> None:
    grades = {"q": {"a1": 2, "b1": 2, "a2": 0}}
    exposure = exposure_by_attribute({"q": []}, {"q": ["b1"]}, grades, BRANDS)["brand"]
    assert exposure.merit["q"] == pytest.approx((0.8155, 0.8155), abs=1e-4)
    assert exposure.champion["q"] == (0.0, 1.0)


def test_ranks_beyond_the_first_page_are_not_seen() -> None:
    exposure = exposure_by_attribute({"q": ["a1"] * 10 + ["b1"]}, None, {"q": {}}, BRANDS)["brand"]
    assert exposure.candidate["q"][1] == 0.0


def test_a_catalogue_of_one_brand_says_nothing_and_of_many_the_largest_are_named() -> None:
    assert exposure_by_attribute({}, None, {}, {"brand": {"a1": "a", "b1": None}}) == {}
    many = {f"p{number}": f"brand {number:02}" for number in range(20)} | {"p20": "brand 19"}
    exposure = exposure_by_attribute({"q": ["p18", "p19"]}, None, {"q": {}}, {"brand": many})["brand"]
    assert (exposure.values[0], exposure.values[-1], len(exposure.values)) == ("brand 19", "others", 13)
    assert exposure.candidate["q"][0] == SECOND
    assert exposure.candidate["q"][-1] == 1.0
