"""The searches that were written down for a made shop, asked of a release."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from mmsearch_dagster.core.retrieval.query import AnswerHit, Query
from mmsearch_dagster.serving.engine import Engine
from tests.exports.goods import Goods, Variant, draw

_WRITTEN = Path(__file__).parent / "searches"
_FIRST, _AT_LEAST = 5, 4
# What of a product, and what of the variant in front, a search may expect.
_OF_GOODS, _OF_VARIANT = ("kind", "brand", "material"), ("color",)


@dataclass(frozen=True)
class Outcome:
    """One search. problem: what a shopper would not expect, None where all is well."""

    name: str
    problem: str | None


def check_searches(engine: Engine, shop: str, goods: Sequence[Goods], photos: Path) -> list[Outcome]:
    """Asks every search of a shop.

    Args:
        engine: of the release.
        shop: its name.
        goods: the truth.
        photos: folder for the pictures that are searched with.
    """
    truth = {variant.sku: (product, variant) for product in goods for variant in product.variants}
    written = yaml.safe_load((_WRITTEN / f"{shop}.yaml").read_text(encoding="utf-8"))
    outcomes = []
    for search in written:
        name, query = _query(search, goods, photos)
        hits = engine.search(query, k=_FIRST).hits
        outcomes.append(Outcome(name, _problem(search, hits, goods, truth)))
    return outcomes


def _query(search: Mapping[str, Any], goods: Sequence[Goods], photos: Path) -> tuple[str, Query]:
    if "photo" in search:
        number, color = search["photo"]
        draw([goods[number]], photos, view=1)
        name = list(dict.fromkeys(variant.picture for variant in goods[number].variants))[color]
        return f"a photo of {goods[number].kind} {number}", Query(image=(photos / name).read_bytes())
    text = str(search["text"])
    if "product" in search:
        product = goods[search["product"]]
        text = text.format(sku=product.variants[-1].sku, title=product.title)
    return text, Query(text=text)


def _problem(
    search: Mapping[str, Any],
    hits: Sequence[AnswerHit],
    goods: Sequence[Goods],
    truth: Mapping[str, tuple[Goods, Variant]],
) -> str | None:
    shown = [truth[hit.product_id] for hit in hits if hit.product_id in truth]
    if len(shown) < min(_FIRST, len(hits)) or not shown:
        return f"unknown ids: {[hit.product_id for hit in hits]}"
    if len({product.number for product, _ in shown}) < len(shown):
        return f"a product is shown twice: {[hit.product_id for hit in hits]}"
    if "product" in search and shown[0][0].number != goods[search["product"]].number:
        return f"first is {shown[0][0].title}"
    if (
        "product" in search
        and "{sku}" in str(search["text"])
        and shown[0][1] != goods[search["product"]].variants[-1]
    ):
        return f"in front is {shown[0][1].sku}"
    right = [hit for hit in shown if _fits(search, *hit)]
    there = sum(any(_fits(search, product, one) for one in product.variants) for product in goods)
    wanted = min(search.get("at_least", 1 if "sku" in str(search.get("text")) else _AT_LEAST), there)
    if len(right) >= wanted:
        return None
    seen = [(product.kind, one.color, product.material, one.price) for product, one in shown]
    return f"{len(right)} of {len(shown)}: {seen}"


def _fits(search: Mapping[str, Any], product: Goods, variant: Variant) -> bool:
    paid = variant.sale_price or variant.price
    return (
        all(getattr(product, name) == search.get(name, getattr(product, name)) for name in _OF_GOODS)
        and all(getattr(variant, name) == search.get(name, getattr(variant, name)) for name in _OF_VARIANT)
        and search.get("above", 0) <= paid < search.get("below", float("inf"))
        and (variant.stock > 0 or not search.get("in_stock"))
    )
