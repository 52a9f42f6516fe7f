"""Keeps judged queries from leaking between splits: one query has one content and one split."""

import polars as pl

from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.digest import sha256_text
from mmsearch_dagster.core.text.preparation import query_text

_ALIASES = {"val": "validation", "valid": "validation", "dev": "validation", "training": "train"}
_TRAIN_SHARE = 0.6
_VALIDATION_SHARE = 0.2
_CONTENT = "_content"
# Of the queries that ask the same, the id that decides their split.
_NAMED = "_named"
_QUERY_CONTENT = (col.QUERY_TEXT, col.IMAGE, col.AUDIO)
# In this order: of queries that ask the same, those of the earliest split stay.
_SPLITS = pl.Enum(col.SPLITS)


def split_of(query_id: str) -> str:
    """train (60 %), validation (20 %) or test (20 %) by the id's sha256: other rows have no influence."""
    share = int(sha256_text(query_id)[:8], 16) / 2**32
    if share < _TRAIN_SHARE:
        return "train"
    return "validation" if share < _TRAIN_SHARE + _VALIDATION_SHARE else "test"


def contract_split(split: pl.Expr) -> pl.Expr:
    """The contract's name of a split: val, valid and dev are validation."""
    return split.str.to_lowercase().replace(_ALIASES)


def inconsistency(judgments: pl.DataFrame) -> pl.Series:
    """Finds rows that contradict an earlier row of their query, and queries that leak between splits.

    Args:
        judgments: rows of the judgments table, in the order of the file.

    Returns:
        One text per row, null for a good row. A row is refused when its text, image, audio or split differs
        from its query's first row, or when another query asks the same in an earlier split.
    """
    first = [pl.col(column).first().over(col.QUERY_ID) for column in _QUERY_CONTENT]
    differs = pl.any_horizontal(
        pl.col(column).ne_missing(original) for column, original in zip(_QUERY_CONTENT, first, strict=True)
    )
    other_split = pl.col(col.SPLIT) != _first_split(col.QUERY_ID)
    query = pl.col(col.QUERY_ID).str.head(80)
    asks = pl.concat_str(pl.lit("query_id: '"), query, pl.lit("' has another text, picture or sound"))
    stands = pl.concat_str(pl.lit("split: query '"), query, pl.lit("' is in another split"))
    sentence = pl.when(differs).then(asks).when(other_split).then(stands) + " in an earlier row"
    leak = _leak(judgments.with_columns(first))
    return judgments.select(pl.coalesce(sentence, leak).alias("reason"))["reason"]


def _leak(judgments: pl.DataFrame) -> pl.Series:
    """A reason for each row of a query that asks what another query asks in an earlier split."""
    given = _first_split(col.QUERY_ID).cast(_SPLITS)
    queries = judgments.select(col.QUERY_ID, given, _content(judgments))
    earliest = pl.col(col.SPLIT).min().over(_CONTENT)
    query = pl.col(col.QUERY_ID).str.head(80)
    asks = pl.concat_str(pl.lit("split: query '"), query, pl.lit("' asks what another asks in "), earliest)
    return queries.select(pl.when(pl.col(col.SPLIT) > earliest).then(asks).alias("reason"))["reason"]


def _content(judgments: pl.DataFrame) -> pl.Series:
    """A key for what each row asks; texts that are read alike get the same key."""
    texts = judgments[col.QUERY_TEXT].drop_nulls().unique()
    read = pl.Series([(query_text(text) or text).casefold() for text in texts], dtype=pl.String)
    text = pl.col(col.QUERY_TEXT).replace_strict(texts, read, default=None, return_dtype=pl.String)
    return judgments.select(pl.struct(text, col.IMAGE, col.AUDIO).alias(_CONTENT))[_CONTENT]


def _first_split(of: str) -> pl.Expr:
    return pl.col(col.SPLIT).drop_nulls().first().over(of)


def assign_splits(judgments: pl.DataFrame) -> pl.DataFrame:
    """Gives every row a split; all queries that ask the same get the same split.

    Args:
        judgments: rows for which `inconsistency` returned null.

    Returns:
        The rows with `split` filled: as given, else by `split_of`.
    """
    keyed = judgments.with_columns(_content(judgments))
    named = keyed.with_columns(pl.col(col.QUERY_ID).min().over(_CONTENT).alias(_NAMED))
    queries = named[_NAMED].unique()
    chosen = pl.Series([split_of(query) for query in queries], dtype=pl.String)
    drawn = pl.col(_NAMED).replace_strict(queries, chosen, return_dtype=pl.String)
    split = pl.coalesce(_first_split(_CONTENT), drawn).alias(col.SPLIT)
    return named.with_columns(split).drop(_CONTENT, _NAMED)


def keep_highest_grade(judgments: pl.DataFrame) -> pl.DataFrame:
    """Keeps the row with the highest grade of each query and product.

    Args:
        judgments: rows of the judgments table.

    Returns:
        One row per (query, product), in the order of the first of them by grade.
    """
    ordered = judgments.sort(col.GRADE, descending=True, maintain_order=True)
    return ordered.unique([col.QUERY_ID, col.PRODUCT_ID], keep="first", maintain_order=True)
