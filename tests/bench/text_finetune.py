"""`python -m tests.bench.text_finetune --home H`: what a fine-tuned text encoder is worth alone.

Judged queries with words of one split are answered by cosine, with the configured encoder and with the tuned
one of the home; neither training nor choice saw the validation and test queries. Run
`mmsearch run --finetune-text` first.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl

from mmsearch_dagster.adapters.feature_store.feature_store import text_content
from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.encoders.protocol import EncoderSpec
from mmsearch_dagster.core.evaluation.judged_queries import by_vector, score
from mmsearch_dagster.core.metrics.bootstrap import interval, paired_difference
from mmsearch_dagster.core.modalities import TEXT, Matrix
from mmsearch_dagster.core.text.preparation import query_text
from mmsearch_dagster.pipeline.features.encode import product_text
from mmsearch_dagster.pipeline.workspace import Workspace
from mmsearch_dagster.settings import Settings

SEED = 7
_METRICS = ("ndcg@10", "recall@1", "recall@10")


def judged_queries(workspace: Workspace, split: str) -> tuple[dict[str, str], dict[str, dict[str, int]]]:
    """Query id -> words alone, and its grades above 0."""
    queries = workspace.lake.current("queries").table()
    asked = queries.filter(
        (pl.col(col.SPLIT) == split)
        & pl.col(col.QUERY_TEXT).is_not_null()
        & pl.col(col.IMAGE).is_null()
        & pl.col(col.AUDIO).is_null()
        & (pl.col(col.GRADE) > 0)
    )
    texts: dict[str, str] = {}
    grades: dict[str, dict[str, int]] = {}
    for key, text, product, grade in asked.select(
        col.QUERY_ID, col.QUERY_TEXT, col.PRODUCT_ID, col.GRADE
    ).iter_rows():
        texts[key] = query_text(text)
        grades.setdefault(key, {})[product] = int(grade)
    return texts, grades


def encoded(workspace: Workspace, spec: EncoderSpec, texts: Sequence[str]) -> Matrix:
    """One row per text."""
    contents = [text_content(text) for text in texts]
    read = workspace.features.obtain(
        workspace.identity(spec), contents, workspace.loader(spec), workspace.progress, "bench"
    )
    return np.stack([read.vectors[content.key] for content in contents])


def rankings(workspace: Workspace, spec: EncoderSpec, texts: dict[str, str]) -> dict[str, list[str]]:
    """Query id -> products by cosine, best first."""
    rows = list(workspace.lake.current("products").table().iter_rows(named=True))
    rows = [row for row in rows if row[col.TITLE] or row[col.DESCRIPTION]]
    items = encoded(workspace, spec, [spec.item_text(product_text(row)) for row in rows])
    queries = encoded(workspace, spec, [spec.query_text(text) for text in texts.values()])
    return by_vector(queries, items, (list(texts), [row[col.PRODUCT_ID] for row in rows]), 50)


def main() -> None:
    """Both encoders on the same queries."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--split", default="validation", choices=["validation", "test"])
    options = parser.parse_args()
    workspace = Workspace(Settings(options.home.resolve(), finetune_text=True))
    configured, tuned = workspace.preset.encoder(TEXT), workspace.encoder(TEXT)
    if configured is None or tuned is None or tuned == configured:
        raise SystemExit("the home uses its text encoder as configured: nothing to compare")
    texts, grades = judged_queries(workspace, options.split)
    before, after = (rankings(workspace, spec, texts) for spec in (configured, tuned))
    print(f"{len(texts)} {options.split} queries, {workspace.lake.current('text_encoder').facts}")
    for metric in _METRICS:
        values = [score(found, grades, metric) for found in (before, after)]
        columns = [[by_query[key] for key in sorted(grades)] for by_query in values]
        shown = [interval(column, seed=SEED) for column in columns]
        gap = paired_difference(columns[1], columns[0], seed=SEED)
        cells = [f"{each.mean:.3f} [{each.low:.3f}, {each.high:.3f}]" for each in shown]
        print(f"| {metric} | {' | '.join(cells)} | {gap.mean:+.3f} [{gap.low:.3f}, {gap.high:.3f}] |")


if __name__ == "__main__":
    main()
