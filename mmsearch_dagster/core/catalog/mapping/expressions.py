"""A column's mapping as a polars expression over the columns of a file."""

import polars as pl

from mmsearch_dagster.core.catalog.casting.cast_scalars import as_text
from mmsearch_dagster.core.catalog.casting.texts import clean_text
from mmsearch_dagster.core.catalog.columns import AMOUNTS, ATTRIBUTES, CATEGORY, IMAGE_URIS
from mmsearch_dagster.core.catalog.mapping.column import ColumnMapping
from mmsearch_dagster.core.catalog.mapping.conditions import all_hold, constant_text
from mmsearch_dagster.core.text.preparation import clean

_ZERO = r"^0+(?:[.,]0*)?$"
# Contract columns that take every value that feeds them; the others take the first.
LISTS = (IMAGE_URIS, CATEGORY)
# What Shopify writes as the option of a product that has none.
NO_OPTION = "Default Title"


def column_expression(
    column: str, mapping: ColumnMapping, types: dict[str, pl.DataType], separator: str
) -> pl.Expr:
    """What `mapping` makes of a file's columns.

    Args:
        column: the contract column that is fed, or `attributes.<name>`.
        mapping: how.
        types: the file's columns and their types; lists of texts for those of a joined file.
        separator: put between the parts where several columns make one list.

    Returns:
        The column's own type where one column is taken as it is, else text.
    """
    if _is_plain(mapping, types):
        return pl.col(mapping.column[0])
    value = _source(column, mapping, types, separator)
    if mapping.above:
        own = clean_text(value)
        value = pl.when(own.is_null()).then(own.forward_fill())
    if mapping.pattern is not None:
        value = value.str.extract(mapping.pattern, 1)
    if mapping.values:
        words = {key.strip(): constant_text(given) for key, given in mapping.values.items()}
        value = clean_text(value).replace(words)
    if mapping.html:
        value = value.map_elements(lambda text: clean(text) or None, return_dtype=pl.String)
    if mapping.default is not None:
        value = clean_text(value).fill_null(constant_text(mapping.default))
    return value


def _is_plain(mapping: ColumnMapping, types: dict[str, pl.DataType]) -> bool:
    changes = mapping.pattern is not None or mapping.values or mapping.html or mapping.default is not None
    changes = bool(changes or mapping.cases or mapping.above)
    single = len(mapping.column) == 1 and not mapping.names
    return single and not changes and not _is_joined(mapping.column[0], types)


def _is_joined(name: str, types: dict[str, pl.DataType]) -> bool:
    return "." in name and isinstance(types[name], pl.List)


def _source(column: str, mapping: ColumnMapping, types: dict[str, pl.DataType], separator: str) -> pl.Expr:
    if mapping.cases and not (mapping.column or mapping.template):
        return _cases(mapping)
    if mapping.cases:
        without = mapping.model_copy(update={"cases": ()})
        return pl.coalesce(_cases(mapping), _source(column, without, types, separator))
    if mapping.template is not None:
        return _template(mapping, types)
    if column == ATTRIBUTES and mapping.names:
        return _named_pairs(mapping, types)
    cells = [_cell(name, types, separator if column in LISTS else None) for name in mapping.column]
    if len(cells) == 1:
        return cells[0]
    if column in LISTS and not mapping.first:
        joined = pl.concat_str(cells, separator=separator, ignore_nulls=True)
        return pl.when(joined != "").then(joined)
    texts = [clean_text(cell) for cell in cells]
    if column in AMOUNTS:
        # A sale price of zero is no sale.
        texts = [*(pl.when(~text.str.contains(_ZERO)).then(text) for text in texts[:-1]), texts[-1]]
    return pl.coalesce(texts)


def _cell(name: str, types: dict[str, pl.DataType], separator: str | None) -> pl.Expr:
    """A column as text; of a list its parts, or without `separator` its first."""
    kind = types[name]
    if isinstance(kind, pl.List):
        texts = pl.col(name).cast(pl.List(pl.String)).list.drop_nulls()
        if separator is None:
            return texts.list.first()
        return pl.when(texts.list.len() > 0).then(texts.list.join(separator))
    if kind == pl.String:
        return pl.col(name)
    return as_text(pl.col(name), kind)


def _template(mapping: ColumnMapping, types: dict[str, pl.DataType]) -> pl.Expr:
    cells = {name: clean_text(_cell(name, types, None)) for name in mapping.inputs}
    parts = [
        cells[text].fill_null("") if is_column else pl.lit(text) for text, is_column in mapping.template_parts
    ]
    nothing = pl.all_horizontal([cell.is_null() for cell in cells.values()])
    text = clean_text(pl.concat_str(parts).str.replace_all(r"\s+", " "))
    return pl.when(~nothing).then(text)


def _cases(mapping: ColumnMapping) -> pl.Expr:
    value = pl.lit(None, dtype=pl.String)
    for case in reversed(mapping.cases):
        value = pl.when(all_hold(case.where)).then(pl.lit(constant_text(case.value))).otherwise(value)
    return value


def _named_pairs(mapping: ColumnMapping, types: dict[str, pl.DataType]) -> pl.Expr:
    """A JSON object of the names in one column and the values in another."""
    fields = [
        pl.struct(key=clean_text(_cell(name, types, None)), value=clean_text(_cell(feed, types, None)))
        for name, feed in zip(mapping.names, mapping.column, strict=True)
    ]
    pairs = pl.concat_list(fields).list.filter(
        pl.element().struct.field("key").is_not_null()
        & pl.element().struct.field("value").is_not_null()
        & (pl.element().struct.field("value") != NO_OPTION)
    )
    return pl.when(pairs.list.len() > 0).then(pairs)
