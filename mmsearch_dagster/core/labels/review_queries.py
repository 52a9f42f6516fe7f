"""Sentences of reviews as queries for the product they are about, without the words of its title."""

import re
from collections.abc import Iterator, Mapping

import polars as pl

from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.labels.holdout import PARTS, Part, first_by_hash, product_part
from mmsearch_dagster.core.labels.provenance import REVIEW
from mmsearch_dagster.core.labels.synthetic_query import SyntheticQuery

_SENTENCE_END = re.compile(r"[.!?。！？\n]+")
# Chinese has no spaces: each of its characters is read as a word of its own.
_WORD = re.compile(r"[\u3400-\u9fff]|[^\W\u3400-\u9fff]+(?:['’-][^\W\u3400-\u9fff]+)*")
_SPACES_OF_CHINESE = re.compile(r"(?<=[\u3400-\u9fff]) (?=[\u3400-\u9fff])")
_FEWEST_WORDS, _MOST_WORDS = 4, 16
# A sentence about more products than this says nothing about any of them.
_MOST_PRODUCTS = 3


def review_queries(
    reviews: pl.DataFrame, products: pl.DataFrame, *, limits: Mapping[Part, int]
) -> list[SyntheticQuery]:
    """The longest sentence of each review that is not too long for a query.

    The words of the product's title are left out: with them the query would be the title again. A sentence
    that stands in reviews of other products is a query for these too.

    Args:
        reviews: rows of the reviews table.
        products: rows of the products table.
        limits: how many queries of each part at most.

    Returns:
        Queries with different texts, held out by product.
    """
    titles = dict(products.select(col.PRODUCT_ID, col.TITLE).iter_rows())
    about: dict[str, set[str]] = {}
    for product, text in reviews.select(col.PRODUCT_ID, col.TEXT).drop_nulls().iter_rows():
        if product in titles and (query := _query(text, titles[product] or "")):
            about.setdefault(query, set()).add(product)
    of_part: dict[Part, list[str]] = {name: [] for name in PARTS}
    for text, named in about.items():
        parts: set[Part] = {product_part(product, titles[product]) for product in named}
        if len(named) <= _MOST_PRODUCTS and len(parts) == 1:
            of_part[parts.pop()].append(text)
    return list(_made(of_part, about, limits))


def _made(
    of_part: Mapping[Part, list[str]], about: Mapping[str, set[str]], limits: Mapping[Part, int]
) -> Iterator[SyntheticQuery]:
    for part, texts in of_part.items():
        for text in first_by_hash(texts, limits[part]):
            graded = dict.fromkeys(sorted(about[text]), 3.0)
            yield SyntheticQuery(f"review:{text}", text, None, graded, REVIEW, part)


def _query(review: str, title: str) -> str | None:
    """The longest of the short sentences without the title's words; None where there is none."""
    title_words = set(_WORD.findall(title.lower()))
    sentences = [
        [word for word in _WORD.findall(sentence.lower()) if word not in title_words]
        for sentence in _SENTENCE_END.split(review)
    ]
    fitting = [words for words in sentences if _FEWEST_WORDS <= len(words) <= _MOST_WORDS]
    longest = max(fitting, key=len, default=None)
    return None if longest is None else _SPACES_OF_CHINESE.sub("", " ".join(longest))
