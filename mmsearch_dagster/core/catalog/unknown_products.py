"""Why rows name products that the catalogue does not have: often the same ids, written in another way."""

import re
from collections.abc import Callable, Iterable

import polars as pl

from mmsearch_dagster.core.catalog.columns import PRODUCT_ID

_SAMPLE = 5_000
# Of the unknown ids this share must be known once both sides are written alike.
_ENOUGH = 0.5


def _without_zeros(product_id: str) -> str:
    return product_id.lstrip("0")


_ALIKE: tuple[tuple[str, Callable[[str], str]], ...] = (
    (
        "without leading zeros (a spreadsheet drops them: export the column as text)",
        lambda id_: id_.lstrip("0"),
    ),
    ("without the decimals of a number (`17.0` for `17`)", lambda id_: re.sub(r"\.0+$", "", id_)),
    ("in small letters", str.casefold),
    ("without hyphens, points and spaces", lambda id_: re.sub(r"[\s._/-]+", "", id_).casefold()),
    ("without what stands before their last number", lambda id_: re.sub(r"^.*?(\d+)\D*$", r"\1", id_)),
)


def alike_when(unknown: Iterable[str], catalogue: Iterable[str]) -> str | None:
    """In what way of writing most of the unknown ids are the catalogue's, in words; None where in none.

    Args:
        unknown: ids that the catalogue does not have.
        catalogue: the ids that it has.
    """
    strangers = sorted(set(unknown))[:_SAMPLE]
    known = sorted(set(catalogue))
    for words, written in _ALIKE:
        ids = {written(id_) for id_ in known} - {""}
        if strangers and sum(written(id_) in ids for id_ in strangers) >= _ENOUGH * len(strangers):
            return words
    return None


def unknown_sentence(rows: pl.DataFrame, catalogue: pl.Series) -> str | None:
    """What may be wrong with the ids of rows, None where each names a product of the catalogue.

    Args:
        rows: good rows of a table with `product_id`.
        catalogue: ids of the catalogue.

    Returns:
        An example, and the way of writing in which the ids are the same.
    """
    unknown = rows.filter(~pl.col(PRODUCT_ID).is_in(catalogue.implode()))[PRODUCT_ID]
    if unknown.is_empty():
        return None
    example = f"for example '{unknown[0][:40]}', while the catalogue has '{catalogue.min()}'"
    words = alike_when(unknown, catalogue)
    return f"{example}; the ids are the same {words}" if words else example
