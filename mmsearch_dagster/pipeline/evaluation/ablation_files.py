"""The files of an ablation: a page for people, JSON for programs, TREC files for other tools."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmsearch_dagster.adapters.lake.snapshots import write_atomically
from mmsearch_dagster.adapters.reports.quality_report import Split, quality_html
from mmsearch_dagster.core.metrics.trec import write_qrels, write_run


def write_report(
    folder: Path, facts: Mapping[str, Any], splits: Mapping[str, Split], groups: Sequence[str]
) -> list[Path]:
    """`quality.html` and `quality.json` in `folder`.

    Args:
        folder: of the report.
        facts: name -> value.
        splits: name -> (rows with `group`, `kind`, `branch` and measures; what each modality is worth).
        groups: the order of the tables.
    """
    data = {
        "facts": dict(facts),
        "splits": {
            split: {"rows": table.to_dicts(), "leave one out": rows}
            for split, (table, rows) in splits.items()
        },
    }
    page = quality_html(facts, splits, groups)
    files = {"quality.html": page, "quality.json": json.dumps(data, ensure_ascii=False, indent=1)}
    return _written(folder, files)


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
    return _written(folder, files)


def _written(folder: Path, files: Mapping[str, str]) -> list[Path]:
    for name, text in files.items():
        write_atomically(folder / name, text.encode("utf-8"))
    return [folder / name for name in files]
