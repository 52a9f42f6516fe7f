"""The golden queries of a release: which queries the new index must answer before it is served."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from mmsearch_dagster.adapters.lake.snapshots import Snapshot
from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.gate.golden_queries import (
    WITHIN,
    GoldenQuery,
    ReviewedQueries,
    parse_reviewed_queries,
)
from mmsearch_dagster.core.metrics.ranking import METRIC
from mmsearch_dagster.pipeline.evaluation.files import PER_QUERY
from mmsearch_dagster.pipeline.training.queries import VALIDATION
from mmsearch_dagster.pipeline.workspace import read_reviewed

if TYPE_CHECKING:
    from mmsearch_dagster.core.evaluation.judged_queries import JudgedQueries
    from mmsearch_dagster.core.fusion.model import TwoTower

FOLDER = "queries"
# Beside them: what a finished release must understand, which an index alone cannot answer.
HARD_QUERIES = "hard.yaml"
# Of each retriever: enough to notice an index of other vectors, words or ids.
_SAMPLE = 50


def reviewed_files(assets: Path) -> list[ReviewedQueries]:
    """All golden queries of assets/queries, if any. Raises ConfigError for what cannot be read."""
    return [
        parse_reviewed_queries(read_reviewed(file, "golden queries"), str(file))
        for file in sorted((assets / FOLDER).glob("*.yaml"))
        if file.name != HARD_QUERIES
    ]


def reviewed_queries(assets: Path, catalogue: str) -> list[GoldenQuery]:
    """Those about this shop."""
    files = [file for file in reviewed_files(assets) if file.catalogue == catalogue]
    return [GoldenQuery.of(query) for file in files for query in file.queries]


def measured_queries(
    evaluated: Snapshot, examples: Snapshot, model: "TwoTower", strategy: str
) -> list[GoldenQuery]:
    """Validation queries for which the evaluation has seen a right product among the first ten.

    An index of the same words and vectors finds it too, however good or bad they are: what it misses has
    been lost on the way into the index. Some are searched by words, the others by vector.
    """
    from mmsearch_dagster.adapters.lake.batches import load_queries
    from mmsearch_dagster.core.evaluation.comparison import FUSED
    from mmsearch_dagster.core.evaluation.judged_queries import BM25

    queries = load_queries(examples.folder, VALIDATION)
    values = pl.read_parquet(evaluated.folder / PER_QUERY)
    by_words, by_model = (_found_rows(values, queries, name) for name in (BM25, f"{FUSED}: {strategy}"))
    vectors = model.queries(queries.batch.take(by_model))
    ids, products = queries.batch.ids, [frozenset(queries.grades[key]) for key in queries.batch.ids]
    return [GoldenQuery(ids[row], products[row], text=queries.texts[row]) for row in by_words] + [
        GoldenQuery(ids[row], products[row], vector=vector)
        for row, vector in zip(by_model, vectors, strict=True)
    ]


def _found_rows(values: pl.DataFrame, queries: "JudgedQueries", retriever: str) -> Sequence[int]:
    """Rows of a sample of the queries for which this retriever has found a right product."""
    seen = values.filter(
        (pl.col("branch") == retriever) & (pl.col(METRIC) == f"recall@{WITHIN}") & (pl.col(col.VALUE) > 0)
    )
    with_results = set(seen[col.QUERY_ID])
    rows = [row for row, key in enumerate(queries.batch.ids) if key in with_results]
    return rows[:: max(1, len(rows) // _SAMPLE)][:_SAMPLE]
