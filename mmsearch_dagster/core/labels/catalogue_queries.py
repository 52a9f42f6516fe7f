"""Queries made from the catalogue: titles as people remember them, categories with attributes, pictures.

Each is held out by product, and all its random choices are its own: a shop with one product less has the same
queries, but for those of that product.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.labels.holdout import (
    PARTS,
    Part,
    first_by_hash,
    part_of,
    product_part,
    query_seed,
)
from mmsearch_dagster.core.labels.misspell import misspell
from mmsearch_dagster.core.labels.provenance import CATALOGUE
from mmsearch_dagster.core.labels.synthetic_query import SyntheticQuery
from mmsearch_dagster.core.text.preparation import category_words

# How many queries there may be of each part.
Limits = Mapping[Part, int]

# Longer values are sentences, which nobody types.
_LONGEST_VALUE = 30
_COLOUR = re.compile(r"colou?r|farbe|couleur|颜色|色", re.IGNORECASE)
_WITH_TWO_VALUES = ("{0} {noun} for {1}", "{1} {0} {noun}", "{0} {1} {noun}", "{noun} {0} {1}")
_WITH_A_VALUE = ("{0} {noun}", "{noun} {0}")
_TITLE_FORMS = ("title", "title again", "misspelt")
_ATTRIBUTE_FORMS = ("brand", "value", "two values")
_IMAGE_FORMS = ("picture", "picture again")


def title_queries(products: pl.DataFrame, *, limits: Limits, seed: int) -> list[SyntheticQuery]:
    """A product's title, some words left out, sometimes misspelt, as a search for that product and its twins.

    Args:
        products: rows of the products table.
        limits: how many queries of each part at most.
        seed: of the random choices.

    Returns:
        At most three queries per product that has a title.
    """
    titled = dict(
        products.filter(pl.col(col.TITLE).is_not_null()).select(col.PRODUCT_ID, col.TITLE).iter_rows()
    )
    twins: dict[str, list[str]] = {}
    for product, title in titled.items():
        twins.setdefault(title.lower(), []).append(product)
    ids = {_id(form, product): (form, product) for product in titled for form in _TITLE_FORMS}
    parts: dict[str, Part] = {product: product_part(product, title) for product, title in titled.items()}
    queries = []
    for query_id, part in _sampled(ids, lambda query_id: parts[ids[query_id][1]], limits):
        form, product = ids[query_id]
        title = titled[product]
        text = _remembered(title, form, np.random.default_rng([seed, query_seed(query_id)]))
        graded = dict.fromkeys(twins[title.lower()], 3.0)
        if text:
            queries.append(SyntheticQuery(query_id, text, None, graded, CATALOGUE, part))
    return queries


def _id(form: str, product: str) -> str:
    return f"{form}:{product}"


def _sampled(
    ids: Mapping[str, object], part: Callable[[str], Part], limits: Limits
) -> Iterator[tuple[str, Part]]:
    """Query ids with their parts; of each part the first ones by their hash."""
    of_part: dict[Part, list[str]] = {name: [] for name in PARTS}
    for query_id in ids:
        of_part[part(query_id)].append(query_id)
    for name, members in of_part.items():
        for query_id in first_by_hash(members, limits[name]):
            yield query_id, name


def _remembered(title: str, form: str, rng: np.random.Generator) -> str | None:
    """The title with up to a third of its words left out; None where it cannot be misspelt and should be."""
    words = title.split()
    keep = max(2, len(words) - int(rng.integers(0, len(words) // 3 + 1)))
    chosen = sorted(rng.choice(len(words), size=min(keep, len(words)), replace=False).tolist())
    text = " ".join(words[i] for i in chosen)
    if form != "misspelt":
        return text
    misspelt = misspell(text, rng)
    return misspelt if misspelt != text else None


def image_queries(
    products: pl.DataFrame, with_images: Sequence[str], *, limits: Limits
) -> list[SyntheticQuery]:
    """A product's picture, seen differently, as a search for that product.

    Args:
        products: rows of the products table.
        with_images: ids of the products whose pictures can be read.
        limits: how many queries of each part at most.

    Returns:
        At most two queries per product.
    """
    titles = dict(products.select(col.PRODUCT_ID, col.TITLE).iter_rows())
    ids = {_id(form, product): product for product in with_images for form in _IMAGE_FORMS}
    return [
        SyntheticQuery(query_id, None, ids[query_id], {ids[query_id]: 3.0}, CATALOGUE, part)
        for query_id, part in _sampled(
            ids, lambda query_id: product_part(ids[query_id], titles.get(ids[query_id])), limits
        )
    ]


@dataclass(frozen=True)
class _Facets:
    """What a product can be asked by: its category's name, its brand and its attributes, in lower case."""

    product_id: str
    part: Part
    noun: str
    brand: str | None
    values: tuple[str, ...]
    colours: tuple[str, ...]

    @property
    def all_values(self) -> frozenset[str]:
        return frozenset([*self.values, *([self.brand] if self.brand else [])])


def attribute_queries(products: pl.DataFrame, *, limits: Limits, seed: int) -> list[SyntheticQuery]:
    """Searches a shopper could type: a category with a brand, a colour or another value, or two of them.

    Grade 3: the category and every value; 2: the category and one of them; 1: the category alone. A query is
    kept where the part of its product is the part of its text, so equal texts are in one part too.

    Args:
        products: rows of the products table.
        limits: how many queries of each part at most.
        seed: of the random choices.

    Returns:
        Queries with different texts.
    """
    facets = {str(row[col.PRODUCT_ID]): _facets_of(row) for row in products.iter_rows(named=True)}
    by_noun: dict[str, list[_Facets]] = {}
    for product in facets.values():
        if product is not None:
            by_noun.setdefault(product.noun, []).append(product)
    queries: dict[str, SyntheticQuery] = {}
    left = dict(limits)
    ids = {_id(form, key): (form, key) for key in facets for form in _ATTRIBUTE_FORMS if facets[key]}
    for form, key in (ids[query_id] for query_id in first_by_hash(ids, len(ids))):
        product = facets[key]
        if product is None or left[product.part] <= 0:
            continue
        text, wanted = _phrase(product, form, np.random.default_rng([seed, query_seed(_id(form, key))]))
        if not text or text in queries or part_of(text) != product.part:
            continue
        graded = _grades(by_noun[product.noun], wanted)
        queries[text] = SyntheticQuery(f"attributes:{text}", text, None, graded, CATALOGUE, product.part)
        left[product.part] -= 1
    return list(queries.values())


def _facets_of(row: Mapping[str, object]) -> _Facets | None:
    words = category_words(str(row[col.CATEGORY] or ""))
    if not words:
        return None
    pairs: Sequence[Mapping[str, str]] = row[col.ATTRIBUTES] or []  # type: ignore[assignment]
    short = [pair for pair in pairs if pair["value"] and len(str(pair["value"])) <= _LONGEST_VALUE]
    product_id, title = str(row[col.PRODUCT_ID]), row[col.TITLE]
    return _Facets(
        product_id,
        product_part(product_id, str(title) if title else None),
        words[-1].lower(),
        str(row[col.BRAND]).lower() if row[col.BRAND] else None,
        tuple(str(pair["value"]).lower() for pair in short),
        tuple(str(pair["value"]).lower() for pair in short if _COLOUR.search(str(pair["key"]))),
    )


def _phrase(product: _Facets, form: str, rng: np.random.Generator) -> tuple[str | None, frozenset[str]]:
    """The words and the values that they ask for; no words where the product has no such values."""
    offered = _offered(product, form)
    if not product.all_values:
        return product.noun, frozenset()
    count = 2 if form == "two values" else 1
    if len(offered) < count:
        return None, frozenset()
    wanted: list[str] = [offered[i] for i in rng.choice(len(offered), size=count, replace=False).tolist()]
    templates = _WITH_TWO_VALUES if count == 2 else _WITH_A_VALUE
    return templates[int(rng.integers(len(templates)))].format(*wanted, noun=product.noun), frozenset(wanted)


def _offered(product: _Facets, form: str) -> tuple[str, ...]:
    if form == "brand":
        return (product.brand,) if product.brand else ()
    if form == "value":
        return product.colours or product.values
    return tuple(sorted(product.all_values))


def _grades(same_noun: Sequence[_Facets], wanted: frozenset[str]) -> dict[str, float]:
    graded = {}
    for product in same_noun:
        matched = len(wanted & product.all_values)
        graded[product.product_id] = 3.0 if matched == len(wanted) else 2.0 if matched else 1.0
    return graded
