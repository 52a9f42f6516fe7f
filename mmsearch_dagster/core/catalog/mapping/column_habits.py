"""How a column is written, by all its values: the decimal sign of amounts, the path sign of categories,
whether the day or the month of a date comes first."""

from collections.abc import Mapping

import polars as pl

from mmsearch_dagster.core.catalog.casting.amounts import decimal_sign
from mmsearch_dagster.core.catalog.casting.categories import category_separator
from mmsearch_dagster.core.catalog.casting.instants import day_order
from mmsearch_dagster.core.catalog.columns import AMOUNTS, CATEGORY
from mmsearch_dagster.core.catalog.mapping.column import ColumnMapping
from mmsearch_dagster.core.catalog.pseudonyms import is_personal
from mmsearch_dagster.core.catalog.schemas import INSTANT, TABLES
from mmsearch_dagster.core.errors import SourceError


def with_habits(
    table: str, raw: pl.DataFrame, mappings: Mapping[str, ColumnMapping], where: str
) -> dict[str, ColumnMapping]:
    """`mappings` with what the values themselves tell.

    Args:
        table: name of a contract table.
        raw: its rows under the contract's names, as read.
        mappings: contract column -> how it is mapped.
        where: the file, for messages.

    Returns:
        The mappings; of amounts with their decimal sign, of categories with their path sign, of times with
        their format, where they tell.

    Raises:
        SourceError: an amount can be read in two ways, and neither the mapping nor another row tells which.
    """
    settled = dict(mappings)
    for column in TABLES[table]:
        if raw.schema.get(column) != pl.String:
            continue
        mapping = mappings.get(column, ColumnMapping(column=(column,)))
        if column in AMOUNTS and mapping.decimal is None:
            settled[column] = _with_decimal(table, column, raw[column], mapping, where=where)
        if TABLES[table][column] == INSTANT and mapping.format is None:
            settled[column] = mapping.model_copy(update={"format": day_order(raw[column])})
        if column == CATEGORY and mapping.path_separator is None:
            sign = category_separator(raw[column])
            several = len(mapping.column) > 1 and mapping.separator is None
            settled[column] = mapping.model_copy(
                update={"path_separator": sign, **({"separator": "|"} if several else {})}
            )
    return settled


def _with_decimal(
    table: str, column: str, amounts: pl.Series, mapping: ColumnMapping, *, where: str
) -> ColumnMapping:
    sign, open_value = decimal_sign(amounts)
    if open_value is not None:
        shown = "a value" if is_personal(table) else f"'{open_value[:40]}'"
        feed = mapping.column[0] if mapping.column else column
        raise SourceError(
            f"{where}: column '{feed}': {shown} can be read with a thousands sign or with a decimal sign, "
            f"and no other row tells which; say it in the mapping: {column}: {{column: {feed}, decimal: ','}}"
        )
    return mapping.model_copy(update={"decimal": sign})
