"""A quality report on disk: one page for people, one JSON for programs, TREC files for other tools."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from mmsearch_dagster.adapters.lake.snapshots import write_atomically
from mmsearch_dagster.core.metrics.trec import write_qrels, write_run

_TEMPLATE = Path(__file__).with_name("quality_report.html")
_HIDDEN = ("kind", "group")

Split = tuple[pl.DataFrame, list[dict[str, Any]]]


def write_report(
    folder: Path, facts: Mapping[str, Any], splits: Mapping[str, Split], groups: Sequence[str]
) -> list[Path]:
    """`quality.html` and `quality.json` in `folder`.

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
    html = page.render(facts=facts, splits=tables, worths=worths)
    data = {
        "facts": dict(facts),
        "splits": {
            split: {"rows": table.to_dicts(), "leave one out": rows}
            for split, (table, rows) in splits.items()
        },
    }
    files = {"quality.html": html, "quality.json": json.dumps(data, ensure_ascii=False, indent=1)}
    for name, text in files.items():
        write_atomically(folder / name, text.encode("utf-8"))
    return [folder / name for name in files]


def _plain(table: pl.DataFrame, kind: str, group: str) -> list[dict[str, Any]]:
    part = table.filter((pl.col("kind") == kind) & (pl.col("group") == group))
    return part.drop(_HIDDEN).to_dicts()


def write_trec(
    folder: Path,
    grades: Mapping[str, Mapping[str, int]],
    rankings: Mapping[str, Mapping[str, Sequence[str]]],
) -> list[Path]:
    """`qrels.txt` and one `NAME.run` per ranking, read by trec_eval and ir-measures."""
    files = {"qrels.txt": write_qrels(grades)}
    for name, ranking in rankings.items():
        tag = re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-")
        scored = {
            query: [(product, 1.0 / rank) for rank, product in enumerate(products, start=1)]
            for query, products in ranking.items()
        }
        files[f"{tag}.run"] = write_run(scored, tag)
    for name, text in files.items():
        write_atomically(folder / name, text.encode("utf-8"))
    return [folder / name for name in files]
