"""One query, one meaning, one split: what keeps judged queries from leaking into what measures them."""

import polars as pl

from mmsearch_dagster.core import columns as c
from mmsearch_dagster.core.digest import sha256_text

_ALIASES = {"val": "validation", "valid": "validation", "dev": "validation", "training": "train"}
_TRAIN_SHARE = 0.6
_VALIDATION_SHARE = 0.2
_ASKED = (c.QUERY_TEXT, c.IMAGE, c.AUDIO)


def split_of(query_id: str) -> str:
    """train (60%), validation (20%) or test (20%) by the id's sha256, whatever rows stand around it."""
    share = int(sha256_text(query_id)[:8], 16) / 2**32
    if share < _TRAIN_SHARE:
        return "train"
    return "validation" if share < _TRAIN_SHARE + _VALIDATION_SHARE else "test"


def contract_split(split: pl.Expr) -> pl.Expr:
    """The contract's name of a split: val, valid and dev are validation."""
    return split.str.to_lowercase().replace(_ALIASES)


def inconsistency(judgments: pl.DataFrame) -> pl.Series:
    """A sentence for each row that asks another thing, or in another split, than its query's first row."""
    first = [pl.col(column).first().over(c.QUERY_ID) for column in _ASKED]
    differs = pl.any_horizontal(
        pl.col(column).ne_missing(original) for column, original in zip(_ASKED, first, strict=True)
    )
    other_split = pl.col(c.SPLIT) != _first_split()
    query = pl.col(c.QUERY_ID).str.head(80)
    asks = pl.concat_str(pl.lit("query_id: '"), query, pl.lit("' has another text, picture or sound"))
    stands = pl.concat_str(pl.lit("split: query '"), query, pl.lit("' is in another split"))
    sentence = pl.when(differs).then(asks).when(other_split).then(stands) + " in an earlier row"
    return judgments.select(sentence.alias("reason"))["reason"]


def _first_split() -> pl.Expr:
    return pl.col(c.SPLIT).drop_nulls().first().over(c.QUERY_ID)


def assign_splits(judgments: pl.DataFrame) -> pl.DataFrame:
    """Every row in a split: its query's own, else by `split_of`."""
    queries = judgments[c.QUERY_ID].unique()
    chosen = pl.Series([split_of(query) for query in queries], dtype=pl.String)
    drawn = pl.col(c.QUERY_ID).replace_strict(queries, chosen, return_dtype=pl.String)
    return judgments.with_columns(pl.coalesce(_first_split(), drawn).alias(c.SPLIT))


def keep_highest_grade(judgments: pl.DataFrame) -> pl.DataFrame:
    """One row per query and product: the one with the highest grade."""
    ordered = judgments.sort(c.GRADE, descending=True, maintain_order=True)
    return ordered.unique([c.QUERY_ID, c.PRODUCT_ID], keep="first", maintain_order=True)
