"""A catalogue's rows in the form that LanceDB stores."""

import polars as pl
import pyarrow as pa

from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.catalog import schemas
from mmsearch_dagster.core.errors import IndexCheckError
from mmsearch_dagster.core.retrieval.rank_fusion import SEARCH_TEXT, VECTOR


def prepared_rows(rows: pl.DataFrame, vector_column: str | None) -> pl.DataFrame:
    """Rows as they are stored: sorted by id, vectors of one width, contract types, no NaN.

    Args:
        rows: product_id, payload columns and vectors.
        vector_column: this column becomes `vector`; None drops all vectors.

    Returns:
        The rows to be written.

    Raises:
        IndexCheckError: the rows cannot be published.
    """
    ids = rows.get_column(col.PRODUCT_ID)
    if rows.is_empty():
        raise IndexCheckError("there is no product to publish: the catalogue is empty after validation")
    if ids.null_count() or not ids.is_unique().all():
        twice = ids.filter(ids.is_duplicated()).head(1).to_list()
        raise IndexCheckError(f"product ids must be unique and present to be published, not {twice}")
    if vector_column is None:
        rows = rows.drop(vector_columns(rows))
    elif vector_column != VECTOR:
        rows = rows.drop(VECTOR, strict=False).rename({vector_column: VECTOR})
    typed = rows.with_columns(_typed(rows.get_column(name)) for name in rows.columns if name != SEARCH_TEXT)
    empty = [n for n in vector_columns(typed) if typed.get_column(n).null_count() == typed.height]
    if vector_column is not None and VECTOR not in set(vector_columns(typed)) - set(empty):
        raise IndexCheckError(f"no product has a vector in column '{vector_column}'")
    text = pl.col(SEARCH_TEXT).cast(pl.String).fill_null("")
    return typed.drop(empty).with_columns(text).sort(col.PRODUCT_ID)


def _typed(series: pl.Series) -> pl.Series:
    if series.dtype == pl.Null:
        return series.cast(schemas.PRODUCTS.get(series.name, pl.String))
    if series.dtype.is_float():
        return series.fill_nan(None)
    if _is_several(series.dtype):
        return _several(series)
    return _vectors(series) if _is_vector(series) else series


def _is_vector(series: pl.Series) -> bool:
    return _is_of_numbers(series.dtype) or _is_several(series.dtype)


def _is_of_numbers(kind: pl.DataType | None) -> bool:
    inner = getattr(kind, "inner", None)
    return isinstance(kind, (pl.List, pl.Array)) and inner in (pl.Float32, pl.Float64)


def _is_several(kind: pl.DataType) -> bool:
    """A list of vectors."""
    return isinstance(kind, pl.List) and _is_of_numbers(getattr(kind, "inner", None))


def vector_columns(rows: pl.DataFrame) -> list[str]:
    """Names of the columns that hold vectors.

    Args:
        rows: any table.

    Returns:
        Names in the order of the table.
    """
    return [series.name for series in rows.iter_columns() if _is_vector(series)]


def _vectors(series: pl.Series) -> pl.Series:
    """One fixed width of Float32; a vector of length zero is a missing one."""
    lists = series.cast(pl.List(pl.Float32))
    widths = lists.list.len().drop_nulls().unique()
    if len(widths) == 0:
        return series
    if len(widths) > 1 or widths[0] == 0:
        raise IndexCheckError(f"vectors of column '{series.name}' have several widths: {widths.to_list()}")
    flat = lists.explode(empty_as_null=False, keep_nulls=False)
    if not flat.is_finite().all():
        raise IndexCheckError(f"column '{series.name}' holds vectors with NaN or infinity")
    present = lists.list.eval(pl.element().abs().max()).list.first() > 0.0
    fixed = lists.cast(pl.Array(pl.Float32, int(widths[0])))
    frame = pl.DataFrame({"fixed": fixed, "present": present})
    return frame.select(pl.when("present").then("fixed").alias(series.name)).to_series()


def _several(series: pl.Series) -> pl.Series:
    """Lists of vectors of one width; vectors of length zero are left out, and lists of none are missing."""
    rows = pl.DataFrame({"row": range(len(series)), series.name: series})
    flat = rows.explode(series.name, empty_as_null=True, keep_nulls=False)
    fixed = flat.with_columns(_vectors(flat.get_column(series.name))).drop_nulls(series.name)
    lists = fixed.group_by("row", maintain_order=True).agg(series.name)
    return rows.select("row").join(lists, on="row", how="left", maintain_order="left").get_column(series.name)


def arrow_table(rows: pl.DataFrame, metadata: dict[bytes, bytes]) -> pa.Table:
    """The rows as an Arrow table without large strings.

    LanceDB's scalar indexes refuse large strings, and polars writes no others.

    Args:
        rows: the rows to be written.
        metadata: goes into the schema.

    Returns:
        The Arrow table.
    """
    table = rows.to_arrow()
    fields = [pa.field(field.name, _small(field.type)) for field in table.schema]
    return table.cast(pa.schema(fields, metadata=metadata))


def _small(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return pa.string()
    if pa.types.is_large_list(kind):
        return pa.list_(_small(kind.value_type))
    if pa.types.is_struct(kind):
        return pa.struct([pa.field(field.name, _small(field.type)) for field in kind])
    return kind
