"""The report of the personal ranker's experiment: an MLflow run, tables, pictures."""

from collections.abc import Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmsearch_dagster.pipeline.workspace import Workspace

if TYPE_CHECKING:
    from mmsearch_dagster.core.personalisation.experiment import Experiment

PICTURES = ("lists", "beside accuracy", "exposure")
CLICKS = "clicks of the test period"
WEIGHTS = "weights of the ranker's standardised features"
_PLAIN = "of lists as ranked, before diversity (MMR) and business rules"
# Fact of the snapshot -> the table's title.
TABLES = {
    "measures": f"measures {_PLAIN}",
    "exposure": f"exposure {_PLAIN}",
    "orders of result pages": "orders of result pages",
    CLICKS: CLICKS,
    WEIGHTS: WEIGHTS,
}
# Columns of the measures that say what a list does beside being right.
_BESIDE = (
    "coverage@10",
    "novelty@10 (bits)",
    "diversity@10",
    "calibration@10 (KL)",
    "popularity lift@10",
)


def log_run(workspace: Workspace, experiment: "Experiment", name: str, examples_digest: str) -> str | None:
    """A nested MLflow run beside those of the fusion candidates; its id, None without a ranker."""
    if experiment.ranker is None:
        return None
    parent = workspace.tracking.refresh(examples_digest)
    with workspace.tracking.strategy(parent, name) as log:
        log.params(
            {"promoted": str(experiment.promoted), "decision": experiment.ranker.decision.sentence[:480]}
        )
        log.metrics({name: value for name, value in experiment.ranker.measures.items() if isfinite(value)})
        return log.run_id


def tables(experiment: "Experiment") -> dict[str, Any]:
    """The measures as JSON-able tables."""
    from mmsearch_dagster.core.personalisation.evaluation import summary

    pages = summary(experiment.ranker.metrics) if experiment.ranker else []
    return {
        "measures": experiment.lists.measures.to_dicts() if experiment.lists else [],
        "exposure": experiment.lists.exposure.to_dicts() if experiment.lists else [],
        "orders of result pages": [dict(row) for row in pages],
        CLICKS: _clicks(experiment.ranker.measures) if experiment.ranker else [],
        WEIGHTS: _weights(experiment.ranker.weights) if experiment.ranker else [],
    }


def _clicks(measures: Mapping[str, float]) -> list[dict[str, Any]]:
    """How well each order separates clicked from unclicked products, and how calibrated it is: one row per
    order, from `<measure>, <order>` -> figure."""
    rows: dict[str, dict[str, Any]] = {}
    for name, value in measures.items():
        measure, _, order = name.partition(", ")
        rows.setdefault(order, {"order": order, "AUC": None, "calibration error": None})[measure] = value
    return list(rows.values())


def _weights(weights: Mapping[str, float]) -> list[dict[str, Any]]:
    return [{"feature": name, "weight": round(weight, 4)} for name, weight in weights.items()]


def _beside(rows: Sequence[Mapping[str, Any]], order: str) -> bytes:
    from mmsearch_dagster.adapters.reports.charts import panels

    values = {name: {row["order"]: row[name] for row in rows} for name in _BESIDE}
    return panels(values, title=f"Beside accuracy: measures {_PLAIN}", highlight=order)


def draw(experiment: "Experiment", folder: Path) -> None:
    """How good each order of lists is, and who is shown how much."""
    from mmsearch_dagster.adapters.reports.charts import Bar, metric_bars

    if experiment.lists is not None and experiment.lists.measures.height:
        bars = [
            Bar(row["order"], row["ndcg@10"], row["low"], row["high"], row["order"] == experiment.order)
            for row in experiment.lists.measures.to_dicts()
        ]
        png = metric_bars(bars, title="Lists for known people, test period", metric="nDCG@10")
        (folder / "lists.png").write_bytes(png)
        (folder / "beside accuracy.png").write_bytes(
            _beside(experiment.lists.measures.to_dicts(), experiment.order)
        )
        even = [
            Bar(row["group"], row["ratio"], row["ratio"], row["ratio"])
            for row in experiment.lists.exposure.to_dicts()
        ]
        png = metric_bars(even, title="Exposure / share of the catalogue (1 is even)", metric="ratio")
        (folder / "exposure.png").write_bytes(png)
