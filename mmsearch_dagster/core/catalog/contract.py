"""The data contract: each row is good, in quarantine with its reasons, or dropped and counted."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.catalog import schemas
from mmsearch_dagster.core.catalog.columns import EMPTIED, ROW, SOURCE
from mmsearch_dagster.core.catalog.event_actions import keep_product_events
from mmsearch_dagster.core.catalog.pseudonyms import PERSONAL, is_personal
from mmsearch_dagster.core.catalog.row_rules import reasons
from mmsearch_dagster.core.digest import sha256_text
from mmsearch_dagster.core.errors import PolicyError, SourceError
from mmsearch_dagster.core.labels.query_splits import (
    assign_splits,
    contract_split,
    inconsistency,
    keep_highest_grade,
)

# A quarantined row as it stood after casting, as JSON.
RAW = "raw"
ID_COLUMN = {
    "products": col.PRODUCT_ID,
    "events": col.EVENT_ID,
    "searches": col.QUERY_ID,
    "judgments": col.QUERY_ID,
    "reviews": col.REVIEW_ID,
}
_SORTED_BY = {
    "products": (col.PRODUCT_ID,),
    "events": (col.TIMESTAMP, col.EVENT_ID),
    "searches": (col.QUERY_ID,),
    "judgments": (col.QUERY_ID, col.PRODUCT_ID),
    "reviews": (col.REVIEW_ID,),
}
# An exporter that sends a record twice is normal for these; for products it is a broken catalogue.
_REPEATS_ARE_NORMAL = ("events", "searches", "reviews")
_FUTURE = "timestamp: it lies more than a day after this run: a wrong clock"
_EQUAL_PRODUCT = "equal to a row of another file"
_INDEX = "_index"
_REASON = "_reason"
_QUOTED_VALUE = re.compile(r"(?<!\w)'.*'(?!\w)|(?<=: )[-+.\de]+(?= is )")


@dataclass(frozen=True)
class RawTable:
    """Rows as read and cast, before any rule.

    frame: the contract's columns plus `_source`, `_row`, `_problems` and `_emptied` (what could not be cast).
    dropped: sentence -> how many records were left out because they belong to something else.
    concerns: what a person should look at, in sentences.
    """

    table: str
    frame: pl.DataFrame
    dropped: Mapping[str, int]
    concerns: Sequence[str] = ()


@dataclass(frozen=True)
class CheckedRows:
    """good: the contract's schema, in a fixed order.

    quarantined: `_source`, `_row`, the id, `reasons` (list of sentences), `raw` (JSON).
    dropped: sentence -> how many rows were left out without being broken.
    emptied: `_source`, `_row`, the id and `reasons` of rows that are kept, but with a value left empty.
    """

    good: pl.DataFrame
    quarantined: pl.DataFrame
    dropped: Mapping[str, int]
    emptied: pl.DataFrame


def raw_table(
    table: str,
    frame: pl.DataFrame,
    dropped: Mapping[str, int] | None = None,
    concerns: Sequence[str] = (),
) -> RawTable:
    """A table as read and cast, under the contract's names for actions and splits.

    Args:
        table: name of a contract table.
        frame: the contract's columns plus `_source`, `_row`, `_problems` and `_emptied`.
        dropped: sentence -> number of rows that were left out while reading.
        concerns: what a person should look at.

    Returns:
        The table; events that are no action on a product are dropped and counted.
    """
    counts = dict(dropped or {})
    if table == "events":
        frame, others = keep_product_events(frame)
        counts |= others
    if table == "judgments":
        frame = frame.with_columns(contract_split(pl.col(col.SPLIT)))
    return RawTable(table, frame, counts, tuple(concerns))


def separate_broken_rows(
    raw: RawTable,
    flagged: Mapping[int, Sequence[str]] | None = None,
    *,
    inside_source: bool = True,
    latest: datetime | None = None,
) -> CheckedRows:
    """Separates the good rows from the broken ones.

    Args:
        raw: the table as read and cast.
        flagged: row index in `raw.frame` -> reasons from elsewhere (the expectation suites).
        inside_source: files must lie below the source's folder; False only for files that the caller names.
        latest: rows with a later timestamp are broken; None where no time is too late.

    Returns:
        Good rows sorted by their keys, quarantined rows sorted by file and row, and counts of dropped rows.
    """
    table = raw.table
    checked = raw.frame.with_columns(reasons(table, inside_source=inside_source).alias(col.REASONS))
    if latest is not None and col.TIMESTAMP in schemas.TABLES[table]:
        checked = _refuse_future(checked, latest)
    if flagged:
        checked = _add_reasons(checked, flagged)
    repeated = _repeats_a_product(checked) if table == "products" else None
    if repeated is not None:
        checked = checked.filter(~repeated)
    checked = _refuse_across_rows(checked, table)
    fine = checked.filter(pl.col(col.REASONS).list.len() == 0)
    kept, dropped = _finish(fine.select(SOURCE, *schemas.TABLES[table]), table)
    if repeated is not None and repeated.any():
        dropped[_EQUAL_PRODUCT] = int(repeated.sum())
    broken = checked.filter(pl.col(col.REASONS).list.len() > 0)
    return CheckedRows(
        kept.drop(SOURCE).sort(_SORTED_BY[table]),
        _quarantine(broken, table),
        {**raw.dropped, **dropped},
        _emptied(fine, table),
    )


def future_rows(frame: pl.DataFrame, latest: datetime) -> int:
    """How many rows have a timestamp after `latest`; 0 for a table without timestamps.

    Args:
        frame: rows of a contract table.
        latest: with its time zone.
    """
    return frame.filter(pl.col(col.TIMESTAMP) > latest).height if col.TIMESTAMP in frame.columns else 0


def _refuse_future(rows: pl.DataFrame, latest: datetime) -> pl.DataFrame:
    reason = pl.when(pl.col(col.TIMESTAMP) > latest).then(pl.lit(_FUTURE))
    return rows.with_columns(pl.concat_list(col.REASONS, reason).list.drop_nulls().alias(col.REASONS))


def _repeats_a_product(rows: pl.DataFrame) -> pl.Series:
    """Whether a fine row is equal, value for value, to one of an earlier file: two exports that overlap."""
    fine = pl.col(col.REASONS).list.len() == 0
    content = pl.struct(list(schemas.PRODUCTS)).struct.json_encode()
    first = pl.col(SOURCE).first().over(content, fine)
    return rows.select((fine & (pl.col(SOURCE) != first)).alias("repeated"))["repeated"]


def _emptied(fine: pl.DataFrame, table: str) -> pl.DataFrame:
    rows = fine.filter(pl.col(EMPTIED).list.len() > 0)
    return rows.select(SOURCE, ROW, ID_COLUMN[table], pl.col(EMPTIED).alias(col.REASONS)).sort(SOURCE, ROW)


def _add_reasons(rows: pl.DataFrame, flagged: Mapping[int, Sequence[str]]) -> pl.DataFrame:
    """`rows` with further reasons for the rows of the given indices; a repeated reason is kept once."""
    further = pl.DataFrame(
        {_INDEX: list(flagged), _REASON: [list(whys) for whys in flagged.values()]},
        schema={_INDEX: pl.UInt32, _REASON: pl.List(pl.String)},
    )
    joined = rows.with_row_index(_INDEX).join(further, on=_INDEX, how="left", maintain_order="left")
    both = pl.concat_list(col.REASONS, pl.col(_REASON).fill_null([])).list.unique(maintain_order=True)
    return joined.with_columns(both.alias(col.REASONS)).drop(_INDEX, _REASON)


def _refuse_across_rows(rows: pl.DataFrame, table: str) -> pl.DataFrame:
    """Reasons that need the other rows, among those rows that are fine so far: the first one is kept."""
    if table not in ("products", "judgments"):
        return rows
    indexed = rows.with_row_index(_INDEX)
    fine = indexed.filter(pl.col(col.REASONS).list.len() == 0)
    if table == "products":
        id_text = pl.col(col.PRODUCT_ID).str.head(80)
        repeated = pl.concat_str(pl.lit("product_id: '"), id_text, pl.lit("' stands in an earlier row"))
        later = ~pl.col(col.PRODUCT_ID).is_first_distinct()
        reason = fine.select(pl.when(later).then(repeated).alias("reason"))["reason"]
    else:
        reason = inconsistency(fine)
    refused = fine.select(_INDEX, reason.alias(_REASON)).drop_nulls()
    return _add_reasons(rows, {index: [reason] for index, reason in refused.iter_rows()})


def _finish(fine: pl.DataFrame, table: str) -> tuple[pl.DataFrame, dict[str, int]]:
    if table == "judgments":
        kept = keep_highest_grade(assign_splits(fine))
        why = "a lower grade of the same query and product"
    elif table in _REPEATS_ARE_NORMAL:
        column = ID_COLUMN[table]
        kept = _fill_ids(fine, column).unique(column, keep="first", maintain_order=True)
        why = f"{column} seen before"
    else:
        return fine, {}
    left_out = fine.height - kept.height
    return kept, {why: left_out} if left_out else {}


def _fill_ids(rows: pl.DataFrame, column: str) -> pl.DataFrame:
    """Names the rows without an id by the hash of their content and its number among equal rows of the file.

    So equal rows of one file stay apart, and rows that two files have in common get the same name.
    """
    nameless = rows[column].is_null()
    if not nameless.any():
        return rows
    unnamed = rows.filter(nameless)
    contents = unnamed.select(pl.struct(pl.all().exclude(SOURCE)).struct.json_encode()).to_series()
    seen: Counter[tuple[str, str]] = Counter()
    names: list[str] = []
    for file, content in zip(unnamed[SOURCE], contents, strict=True):
        seen[file, content] += 1
        names.append(sha256_text(f"{content}#{seen[file, content]}")[:24])
    positions = pl.Series(range(rows.height)).filter(nameless)
    return rows.with_columns(rows[column].scatter(positions, names))


def _quarantine(broken: pl.DataFrame, table: str) -> pl.DataFrame:
    row = pl.struct(_kept_columns(table)).struct.json_encode().alias(RAW)
    return broken.select(SOURCE, ROW, ID_COLUMN[table], col.REASONS, row).sort(SOURCE, ROW)


def _kept_columns(table: str) -> list[str]:
    """What a quarantined row keeps; `_source` and `_row` lead to the rest."""
    schema = schemas.TABLES[table]
    if not is_personal(table):
        return list(schema)
    return [name for name, kind in schema.items() if kind != pl.String or name in (*PERSONAL, col.ACTION)]


def restrict_to_catalogue(rows: pl.DataFrame, product_ids: pl.Series) -> tuple[pl.DataFrame, int]:
    """The rows whose product is in the catalogue.

    Args:
        rows: any table with a `product_id` column.
        product_ids: ids of the catalogue.

    Returns:
        The rows that are kept, and how many were left out.
    """
    kept = rows.filter(pl.col(col.PRODUCT_ID).is_in(product_ids.implode()))
    return kept, rows.height - kept.height


def check_not_empty(products: pl.DataFrame, files: Sequence[str]) -> None:
    """Refuses a catalogue without a row.

    Args:
        products: the good rows.
        files: names of the files they were read from, for the message.

    Raises:
        SourceError: there is no row.
    """
    if products.is_empty():
        raise SourceError(f"products: {', '.join(files)} holds no product; export the catalogue again")


def quarantined_share(good: int, quarantined: int) -> float:
    """Broken rows over all rows, 0 for an empty table."""
    rows = good + quarantined
    return quarantined / rows if rows else 0.0


def top_reasons(quarantined: pl.DataFrame, most: int = 3) -> list[tuple[str, int]]:
    """The most frequent reasons; quoted values are left out so that equal causes count together.

    Args:
        quarantined: rows with the column `reasons`, a list of sentences.
        most: how many reasons to return.

    Returns:
        (reason, number of rows), the most frequent first.
    """
    counted: Counter[str] = Counter()
    for listed in quarantined[col.REASONS]:
        counted.update({re.sub(_QUOTED_VALUE, "...", reason) for reason in listed})
    return sorted(counted.items(), key=lambda item: (-item[1], item[0]))[:most]


def check_share(good: int, quarantined: pl.DataFrame, limit: float, table: str) -> float:
    """Checks the share of broken rows against the policy.

    Args:
        good: how many rows keep the contract, whether or not their product is in the catalogue.
        quarantined: the broken rows.
        limit: the greatest share that is allowed, 0 to 1.
        table: the table's name, for the message.

    Returns:
        The share of broken rows, 0 to 1.

    Raises:
        PolicyError: the share is above `limit`; the message gives counts and main reasons.
    """
    share = quarantined_share(good, quarantined.height)
    if share <= limit:
        return share
    rows = good + quarantined.height
    why = "; ".join(f"{reason} ({count})" for reason, count in top_reasons(quarantined))
    raise PolicyError(
        f"{table}: {quarantined.height} of {rows} rows are broken ({share:.1%}, the policy allows "
        f"{limit:.1%}); mainly: {why}. Mend the export or raise max_quarantined_share for {table}."
    )
