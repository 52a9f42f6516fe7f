"""What one row must hold, table by table, and the sentence that says which rule it breaks."""

import posixpath
from collections.abc import Sequence

import polars as pl

from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.catalog import schemas
from mmsearch_dagster.core.catalog.columns import EMPTIED, PROBLEMS
from mmsearch_dagster.core.catalog.pseudonyms import is_personal

# A record that could not be read at all carries one sentence, which starts with this.
UNREADABLE = "record: "
_CUT_NUMBER = r"^\d(?:[.,]\d+)?[eE]\+\d{1,2}$"

_NOT_RELATIVE = r"^(?:[/\\]|[A-Za-z]:|[A-Za-z][A-Za-z0-9+.-]*://)"


# What is fetched from its address: core.catalog.mapping.remote_media.is_address.
_FETCHED = r"^(?:(?i:https?|s3|gs):)?//"


def escapes_root(uri: str) -> bool:
    """Whether a relative uri climbs out of the folder it is relative to."""
    path = posixpath.normpath(uri.replace("\\", "/"))
    return path == ".." or path.startswith("../")


def _outside(uri: pl.Expr) -> pl.Expr:
    """`uri` where it is absolute, of a scheme that is not fetched, or climbs out of the root; else null."""
    climbs = pl.when(uri.str.contains("..", literal=True)).then(uri)
    climbs = climbs.map_elements(escapes_root, return_dtype=pl.Boolean).fill_null(False)
    local = ~uri.str.contains(_FETCHED)
    return pl.when(local & (uri.str.contains(_NOT_RELATIVE) | climbs)).then(uri)


def _uri_rule(column: str, dtype: pl.DataType, *, quote: bool) -> pl.Expr:
    uri = pl.col(column)
    if isinstance(dtype, pl.List):
        outside = uri.list.eval(_outside(pl.element())).list.drop_nulls().list.first()
    else:
        outside = _outside(uri)
    shown = outside.str.head(80) if quote else pl.lit("...")
    sentence = pl.concat_str(pl.lit(f"{column}: '"), shown, pl.lit("' leaves the source's folder"))
    return pl.when(outside.is_not_null()).then(sentence)


def _missing(column: str) -> pl.Expr:
    reported = pl.col(PROBLEMS).list.eval(pl.element().str.starts_with(f"{column}: ")).list.any()
    return pl.when(pl.col(column).is_null() & ~reported).then(pl.lit(f"{column} is missing"))


def _none_of(columns: Sequence[str]) -> pl.Expr:
    nothing = pl.all_horizontal(pl.col(column).is_null() for column in columns)
    return pl.when(nothing).then(pl.lit(f"none of {', '.join(columns)} is given"))


def _not(column: str, fine: pl.Expr, demand: str) -> pl.Expr:
    sentence = pl.concat_str(pl.lit(f"{column}: "), pl.col(column), pl.lit(f" is not {demand}"))
    return pl.when(~fine).then(sentence)


def _whole_id(column: str) -> pl.Expr:
    """Spreadsheets write long numbers as 1.23E+12: the other digits are gone, several products look alike."""
    sentence = pl.concat_str(
        pl.lit(f"{column}: '"),
        pl.col(column).str.head(80),
        pl.lit("' is a number that a spreadsheet cut short; export the column as text"),
    )
    return pl.when(pl.col(column).str.contains(_CUT_NUMBER)).then(sentence)


def _number(column: str) -> pl.Expr:
    value = pl.col(column)
    return _not(column, value.is_finite() & (value >= 0), "a finite number of at least 0")


def row_rules(table: str, *, inside_source: bool = True) -> Sequence[pl.Expr]:
    """Text expressions over the cast rows of `table`: null where the row keeps the rule, else the reason.

    inside_source: files must lie below the source's folder.
    """
    schema = schemas.TABLES[table]
    quote = not is_personal(table)
    # Media of a product that lie elsewhere are not read, and go to media_quarantine: they do not condemn it.
    files = (
        [name for name in col.MEDIA_COLUMNS if name in schema]
        if inside_source and table != "products"
        else []
    )
    uris = [_uri_rule(name, schema[name], quote=quote) for name in files]
    needs_any = [_none_of(NEEDS_ANY[table])] if table in NEEDS_ANY else []
    return (*(_missing(column) for column in col.REQUIRED[table]), *needs_any, *_RULES[table], *uris)


def reasons(table: str, *, inside_source: bool = True) -> pl.Expr:
    """list[str] per row: what could not be cast, then the rules it breaks; empty for a good row.

    What was left empty is a reason only beside another one. inside_source: as in `row_rules`.
    """
    unreadable = pl.col(PROBLEMS).list.eval(pl.element().str.starts_with(UNREADABLE)).list.any()
    broken = pl.concat_list(row_rules(table, inside_source=inside_source)).list.drop_nulls()
    refused = (pl.col(PROBLEMS).list.len() > 0) | (broken.list.len() > 0)
    whole = pl.concat_list(PROBLEMS, EMPTIED, broken)
    return pl.when(unreadable).then(pl.col(PROBLEMS)).when(refused).then(whole).otherwise(PROBLEMS)


# At least one of these must hold a value in every row of the table.
NEEDS_ANY = {
    "products": (col.TITLE, col.IMAGE_URIS),
    "searches": (col.QUERY_TEXT, col.IMAGE),
    "judgments": (col.QUERY_TEXT, col.IMAGE, col.AUDIO),
}
_RULES: dict[str, tuple[pl.Expr, ...]] = {
    "products": (_number(col.PRICE), _whole_id(col.PRODUCT_ID)),
    "events": (
        _not(col.ACTION, pl.col(col.ACTION).is_in(col.ACTIONS), f"one of {', '.join(col.ACTIONS)}"),
        _not(col.VALUE, pl.col(col.VALUE).is_finite(), "a finite number"),
        _not(col.POSITION, pl.col(col.POSITION) >= 0, "a rank of at least 0"),
    ),
    "searches": (),
    "judgments": (
        _not(col.GRADE, pl.col(col.GRADE).is_between(0, 3), "a grade from 0 to 3"),
        _not(col.SPLIT, pl.col(col.SPLIT).is_in(col.SPLITS), f"one of {', '.join(col.SPLITS)}"),
    ),
    "reviews": (_number(col.RATING),),
}
