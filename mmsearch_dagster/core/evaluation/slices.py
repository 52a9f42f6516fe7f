"""Parts of the judged queries that the gate looks at one by one."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import polars as pl

from mmsearch_dagster.core.catalog import columns as c
from mmsearch_dagster.core.text import language_of

LANGUAGE, CATEGORY = "language", "category"
COLD, LONG_TAIL, NO_IMAGE = "cold_items", "long_tail", "missing=image"
# Products that make this share of all interactions, the most popular first, are no long tail.
_HEAD_SHARE = 0.8
_MOST_CATEGORIES = 12
_SEPARATOR = " > "


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
        Name -> ids of its queries: `language=..`, `category=..` (the first level), `missing=image`, and,
        where there is a log, `cold_items` (nobody touched a right product yet) and `long_tail`.
    """
    slices: dict[str, list[str]] = defaultdict(list)
    for query, text in texts.items():
        if text and (language := language_of(text)):
            slices[f"{LANGUAGE}={language}"].append(query)
    best = {query: _best(graded) for query, graded in grades.items() if graded}
    category = dict(products.select(c.PRODUCT_ID, c.CATEGORY).iter_rows())
    for query, right in best.items():
        for level in {str(category[each]).split(_SEPARATOR)[0] for each in right if category.get(each)}:
            slices[f"{CATEGORY}={level}"].append(query)
    without = _without_image(products)
    slices[NO_IMAGE] = [query for query, right in best.items() if set(right) <= without]
    if interactions is not None and len(interactions):
        counts = dict(interactions.value_counts().iter_rows())
        head = _head(counts)
        slices[COLD] = [query for query, right in best.items() if not any(each in counts for each in right)]
        slices[LONG_TAIL] = [query for query, right in best.items() if not head & set(right)]
    return {name: tuple(ids) for name, ids in _largest_categories(slices).items() if ids}


def _best(graded: Mapping[str, int]) -> list[str]:
    highest = max(graded.values())
    return [product for product, grade in graded.items() if grade == highest]


def _without_image(products: pl.DataFrame) -> set[str]:
    count = pl.col(c.IMAGE_URIS).list.len().fill_null(0)
    return set(products.filter(count == 0)[c.PRODUCT_ID])


def _head(counts: Mapping[str, int]) -> set[str]:
    """The most popular products that together make `_HEAD_SHARE` of all interactions."""
    total, so_far, head = sum(counts.values()), 0, set[str]()
    for product, count in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])):
        if so_far >= _HEAD_SHARE * total:
            break
        head.add(product)
        so_far += count
    return head


def _largest_categories(slices: Mapping[str, Sequence[str]]) -> dict[str, Sequence[str]]:
    """A shop may have hundreds; each one more makes all others harder to judge."""
    names: Iterable[str] = [name for name in slices if name.startswith(f"{CATEGORY}=")]
    largest = sorted(names, key=lambda name: (-len(slices[name]), name))[:_MOST_CATEGORIES]
    return {name: ids for name, ids in slices.items() if name not in names or name in largest}
