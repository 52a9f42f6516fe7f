"""The figures of an evaluation, in the MLflow runs of what it measured."""

import logging
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import polars as pl

from mmsearch_dagster.adapters.lake.snapshots import Snapshot
from mmsearch_dagster.core.evaluation.comparison import fused_by
from mmsearch_dagster.core.evaluation.quality_table import metrics_of_retriever
from mmsearch_dagster.core.fusion.config import Strategy
from mmsearch_dagster.pipeline.evaluation.files import BARS, QUALITY
from mmsearch_dagster.pipeline.training.candidates import CandidateFacts

if TYPE_CHECKING:
    from mmsearch_dagster.pipeline.workspace import Workspace

_SET = "validation"
_LOG = logging.getLogger(__name__)


def tell_mlflow(
    workspace: "Workspace", report: Snapshot, examples: str, candidates: Mapping[Strategy, Snapshot]
) -> None:
    """Each strategy's figures go to its own run, everybody else's to their parent, which ends here.

    Done again, it writes nothing twice. A run that somebody deleted is missed, not made again.
    examples: digest of the training examples; it names the parent.
    """
    table = pl.read_parquet(report.folder / QUALITY)
    metric, tracking = workspace.gate_policy.metric, workspace.tracking
    deleted = [
        strategy
        for strategy, candidate in candidates.items()
        if not tracking.evaluated(
            CandidateFacts.of(candidate).mlflow_run,
            report.digest,
            _named(metrics_of_retriever(table, fused_by(strategy), metric)),
        )
    ]
    parent = tracking.parent(examples)
    others = _of_others(table, metric, candidates)
    drawn = (report.folder / BARS).read_bytes()
    if parent is not None and tracking.evaluated(parent, report.digest, others, drawn):
        tracking.finish(parent)
    else:
        deleted.append("their parent")
    if deleted:
        _LOG.warning("MLflow runs were deleted, their figures are in %s only: %s", QUALITY, deleted)


def _of_others(table: pl.DataFrame, metric: str, strategies: Iterable[Strategy]) -> dict[str, float]:
    """Of the single retrievers, the released engine and the champion."""
    fused = set(map(fused_by, strategies))
    names = [name for name in table["branch"].unique(maintain_order=True) if name not in fused]
    metrics = {name: metrics_of_retriever(table, name, metric) for name in names}
    return _named(
        {f"{name}/{key}": value for name, values in metrics.items() for key, value in values.items()}
    )


def _named(metrics: Mapping[str, float]) -> dict[str, float]:
    return {f"{_SET}/{name}": value for name, value in metrics.items()}
