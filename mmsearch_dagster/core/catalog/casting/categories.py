"""Categories as paths: the signs of shop systems become ` > `, several paths of a product are kept."""

import html
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from mmsearch_dagster.core.catalog.casting.attributes import as_literal
from mmsearch_dagster.core.catalog.casting.texts import NO_VALUE, without_invisible
from mmsearch_dagster.core.catalog.columns import CATEGORY_SEPARATOR, PATHS_SEPARATOR

_SIGN = re.compile(r"\s*(?:[-=]*[>＞]+|»|›|→|⟩|➔|➤|▸|▶|/>)\s*")
_NOTHING = (*NO_VALUE, "null", "nan", "NaN", "None", "-")
_LISTS = ("|", ";", "\n", ",")
_SLASH_ROOTS = ("default category", "root catalog", "root")
# First levels that shop systems put above all others.
SILENT_ROOTS = (
    *_SLASH_ROOTS, "default", "home", "homepage", "shop", "store", "all", "all products", "products",
    "catalog", "catalogue", "main", "startseite", "katalog", "alle produkte", "accueil", "inicio", "início",
    "hem", "hjem", "首页", "全部商品",
)  # fmt: skip
# Of the values of a column this share must have a slash for the slash to be taken as its path sign.
_SLASHED_SHARE = 0.5


def category_separator(categories: pl.Series) -> str | None:
    """`/` where the column writes paths with slashes and nothing else; None for the signs that mean a path
    everywhere (`>`, `»`, ...).

    Args:
        categories: the column as text.
    """
    values = categories.drop_nulls().map_elements(html.unescape, return_dtype=pl.String)
    if values.is_empty() or values.str.contains(_SIGN.pattern).any():
        return None
    slashed = values.str.contains(r"\S\s*/\s*\S")
    return "/" if slashed.mean() >= _SLASHED_SHARE else None  # pyright: ignore[reportOperatorIssue]


@dataclass(frozen=True)
class CategorySigns:
    """How a column writes categories.

    separator: the path sign of the column; None for the signs that mean a path everywhere.
    list_separator: between two paths; None for the usual ones, where what they part are paths.
    root: a first level that says nothing, because every product has it; it is left out.
    """

    separator: str | None = None
    list_separator: str | None = None
    root: str | None = None


def shared_root(categories: pl.Series) -> str | None:
    """The first level of all paths of a column, where they part below it, or a shop system put it there.

    Args:
        categories: the column as text.
    """
    signs = CategorySigns(separator=category_separator(categories))
    values = categories.drop_nulls().unique().to_list()
    levels = [path.split(CATEGORY_SEPARATOR) for value in values for path in _paths(value, signs)]
    firsts = {path[0] for path in levels}
    if len(firsts) != 1:
        return None
    root, seconds = firsts.pop(), {path[1] for path in levels if len(path) > 1}
    return root if len(seconds) > (root.lower() not in _SLASH_ROOTS) else None


def as_category(text: pl.Expr, dtype: pl.DataType, signs: CategorySigns = CategorySigns()) -> pl.Expr:
    """Category paths with ` > ` between levels and ` | ` between paths.

    Args:
        text: the column.
        dtype: its type: a text, or a list of texts.
        signs: how the column writes them.

    Returns:
        Text, null where nothing is left.
    """

    def single(value: str) -> str | None:
        return _joined(_paths(value, signs))

    def several(values: pl.Series) -> str | None:
        return _joined([path for value in values.drop_nulls() for path in _paths(str(value), signs)])

    if isinstance(dtype, pl.List | pl.Array):
        listed = text.arr.to_list() if isinstance(dtype, pl.Array) else text
        return listed.map_elements(several, return_dtype=pl.String)
    return without_invisible(text.cast(pl.String)).map_elements(single, return_dtype=pl.String)


def _joined(paths: Sequence[str]) -> str | None:
    return PATHS_SEPARATOR.join(dict.fromkeys(paths)) or None


def _paths(value: str, signs: CategorySigns) -> list[str]:
    listed = _json_list(value)
    if listed is not None:
        return [path for part in listed for path in _paths(part, signs)]
    text = html.unescape(html.unescape(value)).strip()
    if text in _NOTHING:
        return []
    between = signs.list_separator
    parts = text.split(between) if between is not None else _split(text, signs.separator)
    return [path for part in parts if (path := _path(part, signs))]


def _json_list(value: str) -> list[str] | None:
    if not value.lstrip().startswith("["):
        return None
    try:
        parts = json.loads(value)
    except (ValueError, RecursionError):
        parts = as_literal(value)
    if not isinstance(parts, list):
        return None
    return [str(part) for part in parts if isinstance(part, str | int | float)]


def _split(text: str, separator: str | None) -> list[str]:
    """The paths in a text; a sign that may belong to a name parts only what are paths."""
    for sign in _LISTS:
        parts = [part.strip() for part in text.split(sign) if part.strip()]
        if len(parts) > 1 and _are_paths(parts, separator, certain=sign != ","):
            return [path for part in parts for path in (_split(part, separator) if sign != "," else [part])]
    return [text]


def _are_paths(parts: Sequence[str], separator: str | None, *, certain: bool) -> bool:
    levels = [_levels(part, separator) for part in parts]
    deep = [path for path in levels if len(path) > 1]
    if certain:
        return bool(deep)
    # "Shoes, Shoes > Boots": the first is a level of the second.
    upper = {tuple(path[:depth]) for path in deep for depth in range(1, len(path))}
    return bool(deep) and all(len(path) > 1 or tuple(path) in upper for path in levels)


def _levels(part: str, separator: str | None) -> list[str]:
    if separator is not None and separator != ">" and not _SIGN.search(part):
        levels = part.split(separator)
    elif _SIGN.search(part):
        levels = _SIGN.split(part)
    else:
        levels = part.split("/") if _is_rooted(part) else [part]
    return [" ".join(level.split()) for level in levels if level.strip()]


def _is_rooted(part: str) -> bool:
    """Whether slashes part levels even though the column has another sign: `Default Category/Shoes`."""
    head, _, rest = part.partition("/")
    return bool(rest) and head.strip().lower() in _SLASH_ROOTS


def _path(part: str, signs: CategorySigns) -> str:
    levels = _levels(part, signs.separator)
    without_root = levels[1:] if levels[:1] == [signs.root] else levels
    return CATEGORY_SEPARATOR.join(without_root)
