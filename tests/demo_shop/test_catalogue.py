"""The catalogue: as many products as asked for, with the gaps that real shops have."""

from collections import Counter

import pytest

from mmsearch_dagster.core.errors import ConfigError
from mmsearch_dagster.demo_shop.catalogue import Item, make_items, studio_view
from mmsearch_dagster.demo_shop.rows import PRODUCT_FIELDS, planned_faults, product_row, with_broken_rows
from mmsearch_dagster.demo_shop.spec import StoreSpec


def _share(items: tuple[Item, ...], test) -> float:
    return sum(map(test, items)) / len(items)


def test_kinds_are_evenly_spread_and_ids_unique(spec: StoreSpec, items: tuple[Item, ...]) -> None:
    per_kind = Counter(item.traits.kind for item in items)
    assert set(per_kind) == set(spec.kinds)
    assert max(per_kind.values()) - min(per_kind.values()) <= 1
    assert len({item.product_id for item in items}) == len(items)


def test_the_gaps_are_about_as_large_as_specified(spec: StoreSpec, items: tuple[Item, ...]) -> None:
    shares = spec.products
    assert _share(items, lambda i: not i.pictures) == pytest.approx(shares.without_picture, abs=0.04)
    assert _share(items, lambda i: not i.title) == pytest.approx(shares.without_title, abs=0.03)
    assert _share(items, lambda i: len(i.pictures) == 2) == pytest.approx(shares.second_picture, abs=0.06)
    assert _share(items, lambda i: bool(i.title_zh)) == pytest.approx(shares.chinese_title, abs=0.07)
    assert _share(items, lambda i: i.in_stock) == pytest.approx(shares.in_stock, abs=0.05)


def test_every_product_can_be_found_by_words_or_picture(items: tuple[Item, ...]) -> None:
    assert all(item.title or item.pictures for item in items)


def test_many_texts_say_nothing_of_the_colour(spec: StoreSpec, items: tuple[Item, ...]) -> None:
    def silent(item: Item) -> bool:
        text = f"{item.title} {item.description}".lower()
        return not item.color_filled_in and not any(w in text for w in spec.colors[item.traits.color].words)

    assert 0.15 < _share(items, silent) < 0.6


def test_prices_lie_in_their_kinds_range(spec: StoreSpec, items: tuple[Item, ...]) -> None:
    for item in items:
        low, high = spec.kinds[item.traits.kind].price
        assert low - 0.02 <= item.price <= high


def test_the_same_seed_gives_the_same_shop_and_another_seed_another(spec: StoreSpec) -> None:
    other = spec.model_copy(update={"seed": spec.seed + 1})
    assert make_items(spec, 20) == make_items(spec, 20) != make_items(other, 20)
    item = make_items(spec, 1)[0]
    assert studio_view(spec, item, 0) == studio_view(spec, item, 0) != studio_view(spec, item, 1)


def test_each_fault_breaks_its_row(spec: StoreSpec, items: tuple[Item, ...]) -> None:
    faults = sorted(spec.broken_rows)
    good = [product_row(spec, item) for item in items[:50]]
    rows = with_broken_rows(spec, good, items[50 : 50 + len(faults)], faults)
    broken = [row for row in rows if row not in good]
    assert len(rows) == len(good) + len(faults)
    assert all(tuple(row) == PRODUCT_FIELDS for row in rows)
    ids = [row["product_id"] for row in rows]
    assert ids.count("") == 1
    assert len(ids) - len(set(ids)) == 1
    assert sum(row["price"].startswith("-") for row in broken) == 1
    assert sum(row["price"] == "on request" for row in broken) == 1
    assert sum(not row["title"] and not row["images"] for row in broken) == 1
    assert sum("lost" in row["images"] for row in broken) == 1


def test_an_unknown_fault_is_refused(spec: StoreSpec) -> None:
    with pytest.raises(ConfigError, match=r"store\.yaml: broken_rows: 'on_fire'"):
        planned_faults(spec.model_copy(update={"broken_rows": {"on_fire": 1}}), "store.yaml")
