"""Slices of the judged queries that the gate looks at one by one: by kind, language, category, modality."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import polars as pl

from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.gate.product_groups import CATEGORY, groups_of_products, popular
from mmsearch_dagster.core.modalities import AUDIO, IMAGE, TEXT, VIDEO
from mmsearch_dagster.core.text.preparation import language_of

LANGUAGE = "language"
COLD, LONG_TAIL, MISSING = "cold_items", "long_tail", "missing"
_MOST_CATEGORIES = 12


def slices_of(
    texts: Mapping[str, str | None],
    grades: Mapping[str, Mapping[str, int]],
    products: pl.DataFrame,
    interactions: pl.Series | None,
) -> dict[str, tuple[str, ...]]:
    """The slices of some queries.

    Args:
        texts: query id -> its words, None where it has none.
        grades: query id -> product id -> grade.
        products: the catalogue.
        interactions: product ids of the log, one per interaction; None where there is no log.

    Returns:
        Name -> ids of its queries: `language=..`, `category=..` (the first level), `missing=..` (no right
        product has this modality; of texts, no description), and, where there is a log, `cold_items` (nobody
        touched a right product yet) and `long_tail`.
    """
    slices: dict[str, list[str]] = defaultdict(list)
    for query, text in texts.items():
        if text and (language := language_of(text)):
            slices[f"{LANGUAGE}={language}"].append(query)
    best = {query: _best(graded) for query, graded in grades.items() if graded}
    category = groups_of_products(products, None)[CATEGORY]
    for query, right in best.items():
        for level in {category[each] for each in right if category.get(each)}:
            slices[f"{CATEGORY}={level}"].append(query)
    for modality, without in _missing(products).items():
        slices[f"{MISSING}={modality}"] = [query for query, right in best.items() if set(right) <= without]
    if interactions is not None and len(interactions):
        counts = dict(interactions.value_counts().iter_rows())
        head = popular(counts)
        slices[COLD] = [query for query, right in best.items() if not any(each in counts for each in right)]
        slices[LONG_TAIL] = [query for query, right in best.items() if not head & set(right)]
    return {name: tuple(ids) for name, ids in _largest_categories(slices).items() if ids}


def _best(graded: Mapping[str, int]) -> list[str]:
    highest = max(graded.values())
    return [product for product, grade in graded.items() if grade == highest]


def _missing(products: pl.DataFrame) -> dict[str, set[str]]:
    """Modality -> products without it; only of modalities that some products have and some have not."""
    has = {
        TEXT: pl.col(col.DESCRIPTION).fill_null("").str.strip_chars() != "",
        IMAGE: pl.col(col.IMAGE_URIS).list.len().fill_null(0) > 0,
        AUDIO: pl.col(col.AUDIO_URI).is_not_null(),
        VIDEO: pl.col(col.VIDEO_URI).is_not_null(),
    }
    without = {name: set(products.filter(~here)[col.PRODUCT_ID]) for name, here in has.items()}
    return {name: ids for name, ids in without.items() if 0 < len(ids) < products.height}


def _largest_categories(slices: Mapping[str, Sequence[str]]) -> dict[str, Sequence[str]]:
    """A shop may have hundreds; each one more makes all others harder to judge."""
    names: Iterable[str] = [name for name in slices if name.startswith(f"{CATEGORY}=")]
    largest = sorted(names, key=lambda name: (-len(slices[name]), name))[:_MOST_CATEGORIES]
    return {name: ids for name, ids in slices.items() if name not in names or name in largest}
