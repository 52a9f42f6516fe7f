"""One table of a source, read, pseudonymised and cast to the data contract."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import polars as pl

from mmsearch_dagster.adapters.sources import json_files
from mmsearch_dagster.adapters.sources.formats import READERS
from mmsearch_dagster.adapters.sources.joins import joined
from mmsearch_dagster.adapters.sources.source import Source, file_columns, mapped_columns
from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.catalog import schemas
from mmsearch_dagster.core.catalog.casting.cast_scalars import as_text
from mmsearch_dagster.core.catalog.casting.cast_table import cast_rows
from mmsearch_dagster.core.catalog.casting.texts import clean_text, without_script_words
from mmsearch_dagster.core.catalog.columns import BROKEN, GROUP, HIDDEN, NUMBER, ROW, SOURCE
from mmsearch_dagster.core.catalog.contract import RawTable, raw_table
from mmsearch_dagster.core.catalog.grouped_rows import merge_groups
from mmsearch_dagster.core.catalog.mapping.column import ColumnMapping
from mmsearch_dagster.core.catalog.mapping.column_habits import with_habits
from mmsearch_dagster.core.catalog.mapping.conditions import all_hold
from mmsearch_dagster.core.catalog.mapping.expressions import column_expression
from mmsearch_dagster.core.catalog.mapping.source_mapping import TableFile
from mmsearch_dagster.core.catalog.pseudonyms import PERSONAL
from mmsearch_dagster.core.catalog.variants import with_parents
from mmsearch_dagster.core.errors import SourceError

Pseudonymise = Callable[[pl.Series], pl.Series]
_CHILDREN = "\x00children"


@dataclass(frozen=True)
class _Read:
    """Rows of one file under the contract's names; how their values are written; rows that were left out."""

    rows: pl.DataFrame
    mappings: Mapping[str, ColumnMapping] = field(default_factory=dict)
    left_out: Mapping[str, int] = field(default_factory=dict)


def read_table(
    source: Source, table: str, pseudonymise: Pseudonymise, *, below_root: bool = True
) -> RawTable:
    """All rows of `table`, cast leniently, with file and row number; none when the source lacks the table.

    Args:
        source: the checked mapping.
        table: name of a contract table.
        pseudonymise: what becomes of user and session ids before anything else sees them.
        below_root: whether a file name that begins with a slash is one below the source's folder.

    Raises:
        SourceError: a file that cannot be read at all, or a mapped column that comes out empty in every row.
    """
    empty = pl.LazyFrame(schema={SOURCE: pl.String, ROW: pl.Int64})
    frames = [cast_rows(empty, table).collect()]
    left_out: dict[str, int] = {}
    concerns: list[str] = []
    for file in source.spec.tables.get(table, ()):
        where = f"{source.path_of(file)}"
        read = _read_file(source, table, file)
        raw = _hide_people(read.rows, pseudonymise)
        mappings = with_habits(table, raw, read.mappings, where)
        raw = raw.with_columns(pl.lit(file.path).alias(SOURCE), pl.col(NUMBER).alias(ROW))
        cast = cast_rows(raw.lazy(), table, file.list_separator, mappings, below_root=below_root)
        rows = cast.collect(engine="streaming")
        if file.columns is not None:
            concerns += _empty_columns(table, raw, rows, mappings, where=where)
        if GROUP in rows.columns:
            before, rows = rows.height, merge_groups(rows)
            _count(left_out, f"joined with another row of their group ({file.path})", before - rows.height)
        for sentence, count in read.left_out.items():
            _count(left_out, sentence, count)
        frames.append(rows)
    rows = pl.concat(frames, how="diagonal")
    if table == "products":
        rows, merged = with_parents(rows)
        for sentence, count in merged.items():
            _count(left_out, sentence, count)
    return raw_table(table, rows, left_out, concerns)


def _count(counts: dict[str, int], sentence: str, count: int) -> None:
    if count:
        counts[sentence] = counts.get(sentence, 0) + count


def _read_file(source: Source, table: str, file: TableFile) -> _Read:
    path = source.path_of(file)
    if file.format == "ubi":
        return _Read(json_files.read_ubi(path, table, list(schemas.TABLES[table])))
    columns = file_columns(source, file)
    mapped = mapped_columns(table, file, columns)
    beside = {f"{join.name}." for join in file.joins}
    keys = [key for join in file.joins for key in join.key]
    group = [name for feed in (file.group_by, file.children) if feed for name in feed.inputs]
    inputs = [name for mapping in mapped.values() for name in mapping.inputs]
    wanted = [
        name
        for name in dict.fromkeys([*inputs, *file.where, *file.where_product, *file.fill, *keys, *group])
        if not name.startswith(tuple(beside))
    ]
    rows = READERS[file.format].read(path, file, wanted)
    rows = joined(source, file, rows, inputs=[*inputs, *file.where, *file.where_product, *group])
    rows = _filled(rows, file)
    named = _named(rows, file, mapped)
    kept = _kept(named, rows, file) if file.where else named
    left_out = {f"the mapping's `where` leaves them out ({file.path})": rows.height - kept.height}
    return _Read(kept, mapped, left_out)


def _kept(named: pl.DataFrame, rows: pl.DataFrame, file: TableFile) -> pl.DataFrame:
    """The rows that `where` means; variants go with the row of their product."""
    holds = rows.select(pl.col(BROKEN).is_not_null() | all_hold(file.where)).to_series()
    kept, others = named.filter(holds), named.filter(~holds)
    if col.PARENT_ID not in named.columns or others.is_empty():
        return kept
    whole = others.filter(pl.col(col.PARENT_ID).is_null())
    gone = set(whole[col.PRODUCT_ID].drop_nulls()) - set(kept[col.PRODUCT_ID].drop_nulls())
    return kept.filter(~pl.col(col.PARENT_ID).is_in(gone).fill_null(False))


def _group_key(rows: pl.DataFrame, file: TableFile, mapping: ColumnMapping | None) -> pl.Expr | None:
    if mapping is None:
        return None
    key = column_expression(col.PRODUCT_ID, mapping, dict(rows.schema), file.list_separator)
    return key.cast(pl.String).str.strip_chars().replace("", None).alias(GROUP)


def _filled(rows: pl.DataFrame, file: TableFile) -> pl.DataFrame:
    """Rows with the first value of their group, in the columns that have one only in one row of it."""
    key = _group_key(rows, file, file.fill_key)
    if key is None or not file.fill:
        return rows
    filled = [
        pl.coalesce(name, pl.col(name).drop_nulls().first().over(GROUP)).alias(name) for name in file.fill
    ]
    return rows.with_columns(key).with_columns(filled).drop(GROUP)


def _named(rows: pl.DataFrame, file: TableFile, mapped: Mapping[str, ColumnMapping]) -> pl.DataFrame:
    """The file's columns under the contract's names."""
    types = dict(rows.schema)
    named = [
        column_expression(column, mapping, types, mapping.separator or file.list_separator).alias(column)
        for column, mapping in mapped.items()
    ]
    constants = [pl.lit(value).alias(column) for column, value in file.constants.items()]
    key = _group_key(rows, file, file.group_by)
    hidden = [(~all_hold(file.where_product)).alias(HIDDEN)] if file.where_product else []
    listed = [] if file.children is None else [_listed_children(rows, file)]
    marks = [*hidden, *listed, *([key] if key is not None else [])]
    named_rows = rows.select(NUMBER, BROKEN, *named, *constants, *marks)
    return _with_listed_parents(named_rows) if listed else named_rows


def _listed_children(rows: pl.DataFrame, file: TableFile) -> pl.Expr:
    """list[str]: the ids that a row names as its variants."""
    assert file.children is not None
    whole = file.children.model_copy(update={"pattern": None})
    text = column_expression(col.PRODUCT_ID, whole, dict(rows.schema), file.list_separator).cast(pl.String)
    if file.children.pattern is None:
        return text.str.split(file.children.separator or ",").alias(_CHILDREN)
    matches = text.str.extract_all(file.children.pattern)
    return matches.list.eval(pl.element().str.extract(file.children.pattern, 1)).alias(_CHILDREN)


def _with_listed_parents(rows: pl.DataFrame) -> pl.DataFrame:
    """`parent_id` of the rows that another row names."""
    pairs = rows.select(pl.col(col.PRODUCT_ID).alias(col.PARENT_ID), pl.col(_CHILDREN)).explode(_CHILDREN)
    pairs = pairs.with_columns(pl.col(_CHILDREN).str.strip_chars()).drop_nulls()
    pairs = pairs.unique(_CHILDREN, keep="first", maintain_order=True)
    return rows.drop(_CHILDREN).join(
        pairs, left_on=col.PRODUCT_ID, right_on=_CHILDREN, how="left", maintain_order="left"
    )


def _hide_people(raw: pl.DataFrame, pseudonymise: Pseudonymise) -> pl.DataFrame:
    for column in PERSONAL:
        if column in raw.columns:
            clean = raw.select(as_text(pl.col(column), raw.schema[column]))[column]
            raw = raw.with_columns(pseudonymise(clean).alias(column))
    return raw


def _empty_columns(
    table: str, raw: pl.DataFrame, rows: pl.DataFrame, mappings: Mapping[str, ColumnMapping], *, where: str
) -> list[str]:
    """Sentences about mapped columns that are empty in the file.

    Raises SourceError for one that has values and came out empty in every row: it is the wrong one, or is
    written otherwise.
    """
    empty: list[str] = []
    if rows.is_empty() or raw[BROKEN].is_not_null().all():
        return empty
    for column, mapping in mappings.items():
        target = col.ATTRIBUTES if column.startswith(f"{col.ATTRIBUTES}.") else column
        if column not in raw.columns or target in col.REQUIRED[table] or rows[target].is_not_null().any():
            continue
        given = raw[column].drop_nulls()
        if given.dtype == pl.String:
            given = (
                given.to_frame().select(without_script_words(clean_text(pl.col(column))))[column].drop_nulls()
            )
        feed = ", ".join(f"'{name}'" for name in mapping.inputs)
        if given.is_empty():
            empty.append(f"column {feed} of {where}, mapped to {column}, is empty in every row")
            continue
        raise SourceError(
            f"{where}: no value of column {feed} can be read as {table}.{column}, for example "
            f"'{str(given[0])[:60]}'; say how it is written, or map another column (docs/your-shop.md)"
        )
    return empty
