"""Bounds of the price: what says one, and what counts something else."""

import pytest

from mmsearch_dagster.core.understanding.bounds import price_bounds
from mmsearch_dagster.core.understanding.spans import without


def condition(text: str) -> str | None:
    readings = price_bounds(text, "EUR")
    return readings[0].part.condition if readings else None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sneakers under 60", "price < 60.0"),
        ("sneakers less than 60 euros", "price < 60.0"),
        ("under €49,90 jacket", "price < 49.9"),
        ("price under 1,299.00", "price < 1299.0"),
        ("no more than 20", "price <= 20.0"),
        ("20 or less", "price <= 20.0"),
        ("mug max 20", "price <= 20.0"),
        ("watch over $100", "price > 100.0"),
        ("hub at least 500", "price >= 500.0"),
        ("mug between 20 and 40", "price >= 20.0 AND price <= 40.0"),
        ("mug between 40 and 20", "price >= 20.0 AND price <= 40.0"),
        ("mug 20-40 euro", "price >= 20.0 AND price <= 40.0"),
        ("from $20 to $30 shirt", "price >= 20.0 AND price <= 30.0"),
        ("sneakers under 60 blue", "price < 60.0"),
        ("60以下的运动鞋", "price <= 60.0"),
        ("一百二十元以内的雨伞", "price <= 120.0"),
        ("20到40元的杯子", "price >= 20.0 AND price <= 40.0"),
        ("不超过三十块", "price <= 30.0"),
        ("五百以上的手机", "price >= 500.0"),
    ],
)
def test_a_bound_is_read(text: str, expected: str) -> None:
    assert condition(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "socks 39-42",
        "under 15 lbs dumbbell",
        "shelf under 30 cm wide",
        "toys under 5 years",
        "hub with more than 4 ports",
        "at least 500 GB",
        "pipe under 1/2 in",
        "tilt mount for screens weighing up to 60 lb",
        "mug under 20% off",
        "Under Armour shirt",
        "over-ear headphones",
        "40码以上的鞋",
        "500毫升以上水瓶",
    ],
)
def test_what_counts_something_else_is_no_price(text: str) -> None:
    assert condition(text) is None


def test_the_rest_of_a_query_keeps_no_joint() -> None:
    assert without("jacket under 60, red", price_bounds("jacket under 60, red", None)) == "jacket , red"
    assert without("60元以下的雨伞", price_bounds("60元以下的雨伞", None)) == "雨伞"


def test_a_bound_is_told_in_the_currency_of_the_catalogue() -> None:
    assert price_bounds("under 60", "EUR")[0].part.value == "under 60 EUR"


@pytest.mark.parametrize(
    "text",
    ["lamb under RM50", "lamb under 50 rs", "lamb under ₹50", "lamb under CHF 50", "lamb under A$50",
     "under 50 zł lamb"],
)  # fmt: skip
def test_currencies_of_the_world(text: str) -> None:
    assert condition(text) == "price < 50.0"
    assert without(text, price_bounds(text, None)) == "lamb"
