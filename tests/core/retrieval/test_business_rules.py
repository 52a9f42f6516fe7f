from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmsearch_dagster.core.errors import ConfigError
from mmsearch_dagster.core.retrieval.business_rules import BusinessRules, Pin, apply_rules, parse_rules
from mmsearch_dagster.settings import assets_folder

SHOP: dict[str, dict[str, Any]] = {
    "shoe": {"product_id": "shoe", "brand": "Acme", "category": "Shoes > Running", "in_stock": True},
    "boot": {"product_id": "boot", "brand": "Bolt", "category": "Shoes > Boots", "in_stock": False},
    "bag": {"product_id": "bag", "brand": None, "category": "Bags", "in_stock": None},
    "hat": {"product_id": "hat", "brand": "acme", "category": None, "in_stock": True},
}
RANKED = [("boot", 4.0), ("shoe", 3.0), ("bag", 2.0), ("hat", 0.0)]


def order(text: str) -> list[str]:
    return [one.product_id for one in apply_rules(RANKED, SHOP, parse_rules(text, "rules"))]


def test_the_policy_of_the_repository_is_read() -> None:
    file = assets_folder() / "policies" / "business.yaml"
    assert parse_rules(file.read_text(encoding="utf-8"), str(file)).out_of_stock == "last"


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ("out_of_stock: keep", ["boot", "shoe", "bag", "hat"]),
        ("out_of_stock: last", ["shoe", "bag", "hat", "boot"]),
        ("out_of_stock: hide", ["shoe", "bag", "hat"]),
        ("{out_of_stock: keep, bury: {categories: [shoes]}}", ["bag", "hat", "boot", "shoe"]),
        ("{out_of_stock: keep, bury: {categories: [Shoe]}}", ["boot", "shoe", "bag", "hat"]),
        ("{out_of_stock: keep, boost: [{brands: [ACME], factor: 2}]}", ["shoe", "boot", "bag", "hat"]),
        ("{out_of_stock: keep, pin: [{product: hat, place: 2}]}", ["boot", "hat", "shoe", "bag"]),
        ("{out_of_stock: keep, pin: [{product: hat, place: 9}]}", ["boot", "shoe", "bag", "hat"]),
        ("{out_of_stock: keep, pin: [{product: gone, place: 1}]}", ["boot", "shoe", "bag", "hat"]),
    ],
)
def test_what_the_shop_asks_for(rules: str, expected: list[str]) -> None:
    assert order(rules) == expected


@pytest.mark.parametrize(
    ("wish", "expected"),
    [
        ("keep", ["shoe", "bag", "hat", "boot"]),
        ("last", ["bag", "hat", "shoe", "boot"]),
        ("hide", ["bag", "hat"]),
    ],
)
def test_what_a_person_has_they_are_not_offered_first(wish: str, expected: list[str]) -> None:
    """Before what cannot be bought at all: boot is bought and out of stock."""
    rules = parse_rules(f"already_bought: {wish}", "rules")
    ruled = apply_rules(RANKED, SHOP, rules, bought={"shoe", "boot"})
    assert [one.product_id for one in ruled] == expected


def test_what_is_bought_is_pushed_back_unless_the_shop_says_otherwise() -> None:
    told = {one.product_id: one.rules for one in apply_rules(RANKED, SHOP, BusinessRules(), bought={"shoe"})}
    assert told["shoe"] == ("already bought",)


def test_each_product_tells_which_rules_moved_it() -> None:
    rules = parse_rules("{pin: [{product: hat, place: 1}], boost: [{products: [hat], factor: 3}]}", "rules")
    told = {one.product_id: one.rules for one in apply_rules(RANKED, SHOP, rules)}
    assert told == {"hat": ("boost 3", "pinned to 1"), "shoe": (), "bag": (), "boot": ("out of stock",)}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("out_of_stok: hide", "did you mean 'out_of_stock'"),
        ("pin: [{produkt: a, place: 1}]", r"pin.0.produkt: unknown key; did you mean 'product'"),
        ("boost: [{brand: [a], factor: 2}]", "did you mean 'brands'"),
        ("boost: [{brands: [a], factor: 0}]", "boost.0.factor"),
        ("out_of_stock: never", "out_of_stock"),
        ("already_bought: never", "already_bought"),
        ("pin: [{product: a, place: 0}]", "pin.0.place"),
        ("a: b: c", "not readable as YAML"),
        ("diversity: 2", "diversity"),
    ],
)
def test_a_mistake_is_named(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_rules(text, "business.yaml")


@given(
    st.lists(st.tuples(st.sampled_from(sorted(SHOP)), st.floats(-5, 5)), unique_by=lambda one: one[0]),
    st.lists(st.builds(Pin, product=st.sampled_from([*SHOP, "gone"]), place=st.integers(1, 6)), max_size=4),
)
def test_rules_neither_lose_nor_double_a_product(ranked: list[tuple[str, float]], pins: list[Pin]) -> None:
    ruled = apply_rules(ranked, SHOP, BusinessRules(pin=tuple(pins)))
    assert sorted(one.product_id for one in ruled) == sorted(key for key, _ in ranked)
