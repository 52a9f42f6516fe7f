"""Queries nobody had to judge: from the catalogue's own structure and from logged searches."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from mmsearch_dagster.core.catalog import columns as c
from mmsearch_dagster.core.text import category_words

# A value that nearly every product or only one has does not narrow a search down.
_LONGEST_VALUE = 30
_TEMPLATES = (
    "{0} {noun}",
    "{noun} {0}",
    "{0} {noun} for {1}",
    "{1} {0} {noun}",
    "{0} {1} {noun}",
    "{noun} {0} {1}",
)
_ACTION_GRADES = {"click": 1.0, "view": 1.0, "add_to_cart": 2.0, "purchase": 3.0}
# Results further down are seen less: 1 / log2(rank + 1), the discount of DCG, stands for examination.
_LAST_POSITION = 50


@dataclass(frozen=True)
class SyntheticQuery:
    """A query with graded products. `image_of` names a product whose picture is the query."""

    query_id: str
    text: str | None
    image_of: str | None
    graded: Mapping[str, float]


@dataclass(frozen=True)
class _Facets:
    product_id: str
    noun: str
    values: tuple[str, ...]


def attribute_queries(products: pl.DataFrame, *, limit: int, seed: int) -> list[SyntheticQuery]:
    """Searches a shopper could type, made of a category's name and one or two attribute values.

    Grade 3: the category and every value; 2: the category and one of them; 1: the category alone.

    Args:
        products: rows of the products table.
        limit: how many queries at most.
        seed: of the sampling.

    Returns:
        Queries with different texts.
    """
    facets = [product for row in products.iter_rows(named=True) if (product := _facets_of(row))]
    by_noun: dict[str, list[_Facets]] = {}
    for product in facets:
        by_noun.setdefault(product.noun, []).append(product)
    rng = np.random.default_rng(seed)
    queries: dict[str, SyntheticQuery] = {}
    for index in rng.permutation(len(facets))[: limit * 2].tolist():
        text, wanted = _phrase(facets[index], rng)
        if text and text not in queries and len(queries) < limit:
            graded = _grades(by_noun[facets[index].noun], wanted)
            queries[text] = SyntheticQuery(f"attributes:{text}", text, None, graded)
    return list(queries.values())


def _facets_of(row: Mapping[str, object]) -> _Facets | None:
    words = category_words(str(row[c.CATEGORY] or ""))
    if not words:
        return None
    pairs: Sequence[Mapping[str, str]] = row[c.ATTRIBUTES] or []  # type: ignore[assignment]
    values = [
        str(pair["value"]) for pair in pairs if pair["value"] and len(str(pair["value"])) <= _LONGEST_VALUE
    ]
    if row[c.BRAND]:
        values.append(str(row[c.BRAND]))
    return _Facets(str(row[c.PRODUCT_ID]), words[-1].lower(), tuple(value.lower() for value in values))


def _phrase(facets: _Facets, rng: np.random.Generator) -> tuple[str, frozenset[str]]:
    if not facets.values:
        return facets.noun, frozenset()
    count = min(int(rng.integers(1, 3)), len(facets.values))
    wanted = [facets.values[i] for i in rng.choice(len(facets.values), size=count, replace=False)]
    fitting = [t for t in _TEMPLATES if ("{1}" in t) == (count == 2)]
    template = fitting[int(rng.integers(len(fitting)))]
    return template.format(*wanted, noun=facets.noun), frozenset(wanted)


def _grades(same_noun: Sequence[_Facets], wanted: frozenset[str]) -> dict[str, float]:
    graded = {}
    for product in same_noun:
        matched = len(wanted.intersection(product.values))
        graded[product.product_id] = 3.0 if matched == len(wanted) else 2.0 if matched else 1.0
    return graded


def title_queries(products: pl.DataFrame, *, limit: int, seed: int) -> list[SyntheticQuery]:
    """A product's title, some words left out, as a search for that product and for all with the same title.

    Args:
        products: rows of the products table.
        limit: how many queries at most.
        seed: of the sampling.

    Returns:
        One query per sampled product.
    """
    titled = products.filter(pl.col(c.TITLE).is_not_null()).select(c.PRODUCT_ID, c.TITLE)
    twins: dict[str, list[str]] = {}
    for product, title in titled.iter_rows():
        twins.setdefault(title.lower(), []).append(product)
    rng = np.random.default_rng(seed)
    chosen = [titled.row(i) for i in sorted(rng.permutation(titled.height)[:limit].tolist())]
    return [
        SyntheticQuery(
            f"title:{product}", _some_words(title, rng), None, dict.fromkeys(twins[title.lower()], 3.0)
        )
        for product, title in chosen
    ]


def image_queries(with_images: Sequence[str], *, limit: int, seed: int) -> list[SyntheticQuery]:
    """A product's picture, seen differently, as a search for that product."""
    rng = np.random.default_rng(seed)
    sampled: list[int] = sorted(rng.permutation(len(with_images))[:limit].tolist())
    chosen = [with_images[row] for row in sampled]
    return [SyntheticQuery(f"picture:{product}", None, product, {product: 3.0}) for product in chosen]


def _some_words(title: str, rng: np.random.Generator) -> str:
    """The title with up to a third of its words left out, as people remember names."""
    words = title.split()
    keep = max(2, len(words) - int(rng.integers(0, len(words) // 3 + 1)))
    chosen = sorted(rng.choice(len(words), size=min(keep, len(words)), replace=False).tolist())
    return " ".join(words[i] for i in chosen)


def logged_queries(searches: pl.DataFrame, events: pl.DataFrame, *, limit: int) -> list[SyntheticQuery]:
    """What people typed and what they then clicked, put into the cart or bought, summed over equal searches.

    A reaction further down counts more, by the inverse of its chance of being seen.

    Args:
        searches: rows of the searches table.
        events: rows of the events table.
        limit: how many queries at most; those with the most reactions are kept.

    Returns:
        One query per different text.
    """
    acted = events.filter(pl.col(c.ACTION).is_in(list(_ACTION_GRADES)) & pl.col(c.QUERY_ID).is_not_null())
    joined = acted.join(searches.select(c.QUERY_ID, c.QUERY_TEXT).drop_nulls(), on=c.QUERY_ID)
    if joined.is_empty():
        return []
    position = pl.col(c.POSITION).fill_null(1).clip(1, _LAST_POSITION)
    summed = (
        joined.with_columns(
            text=pl.col(c.QUERY_TEXT).str.to_lowercase().str.strip_chars(),
            weight=pl.col(c.ACTION).replace_strict(_ACTION_GRADES) * (position + 1).log(2),
        )
        .group_by("text", c.PRODUCT_ID)
        .agg(pl.col("weight").sum().round(6), reactions=pl.len())
        .with_columns(
            share=pl.col("weight") / pl.col("weight").max().over("text"),
            reactions=pl.col("reactions").sum().over("text"),
        )
        .sort("reactions", "text", c.PRODUCT_ID, descending=[True, False, False])
    )
    queries: dict[str, dict[str, float]] = {}
    for text, product, share in summed.select("text", c.PRODUCT_ID, "share").iter_rows():
        queries.setdefault(text, {})[product] = 3.0 if share > 0.66 else 2.0 if share > 0.33 else 1.0
    return [
        SyntheticQuery(f"logged:{text}", text, None, graded) for text, graded in list(queries.items())[:limit]
    ]
