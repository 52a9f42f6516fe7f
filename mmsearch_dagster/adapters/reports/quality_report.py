"""The page of a quality report as HTML: what each modality, strategy and loss is worth."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

_TEMPLATE = Path(__file__).with_name("quality_report.html")
_HIDDEN = ("kind", "group")

Split = tuple[pl.DataFrame, list[dict[str, Any]]]


def quality_html(facts: Mapping[str, Any], splits: Mapping[str, Split], groups: Sequence[str]) -> str:
    """The page.

    Args:
        facts: name -> value, at the top of the page.
        splits: name -> (rows with `group`, `kind`, `branch` and measures; what each modality is worth).
        groups: the order of the tables.
    """
    from jinja2 import Environment

    page = Environment(autoescape=True).from_string(_TEMPLATE.read_text(encoding="utf-8"))
    tables = {
        split: {
            kind: [(group, _plain(table, kind, group)) for group in groups]
            for kind in table["kind"].unique(maintain_order=True)
        }
        for split, (table, _) in splits.items()
    }
    worths = {split: rows for split, (_, rows) in splits.items()}
    return page.render(facts=facts, splits=tables, worths=worths)


def _plain(table: pl.DataFrame, kind: str, group: str) -> list[dict[str, Any]]:
    part = table.filter((pl.col("kind") == kind) & (pl.col("group") == group))
    return part.drop(_HIDDEN).to_dicts()
