"""Parts of a drafted mapping: what feeds a column, by the names that a file has."""

from typing import Any

from mmsearch_dagster.core.catalog.casting.categories import SILENT_ROOTS
from mmsearch_dagster.core.catalog.recognise.draft import FileLook


def feed_of(names: list[str]) -> str | list[str] | None:
    """One column, several, or none."""
    return names[0] if len(names) == 1 else names or None


def given(**columns: Any) -> dict[str, Any]:
    """The columns that have a feed."""
    return {name: feed for name, feed in columns.items() if feed}


def html_text(names: list[str]) -> dict[str, Any] | None:
    """Text that may hold markup."""
    return {"column": feed_of(names), "html": True} if names else None


def first_of(look: FileLook, *names: str) -> str | None:
    """The first of the names that is a column with a value."""
    return next(iter(look.present(*names)), None)


def numbered(look: FileLook, name: str, value: str) -> dict[str, Any] | None:
    """Attributes whose names and values stand in columns with a number. name, value: with `#` for it."""
    numbers = [
        number
        for number in range(1, 40)
        if look.present(value.replace("#", str(number))) and look.has(name.replace("#", str(number)))
    ]
    if not numbers:
        return None
    return {
        "column": [value.replace("#", str(number)) for number in numbers],
        "names": [name.replace("#", str(number)) for number in numbers],
    }


def category_feed(look: FileLook, column: str | None, *, any_root: bool = False) -> Any:
    """A category's column; a first level that every path has and that says nothing is left out.

    Args:
        look: the file.
        column: the column; None where there is none.
        any_root: whether the first level is one of the shop system, whatever it is called.
    """
    root = look.roots.get(column) if column else None
    if root is None or not (any_root or root.lower() in SILENT_ROOTS):
        return column
    return {"column": column, "root": root}
