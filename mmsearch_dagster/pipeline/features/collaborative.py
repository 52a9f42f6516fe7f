"""The step `collaborative_factors`: chosen on a split by time, then learned from the whole log."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from mmsearch_dagster.adapters.lake.snapshots import Facts, Snapshot
from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.digest import digest_of
from mmsearch_dagster.core.modalities import COLLABORATIVE, ModalityBatch
from mmsearch_dagster.pipeline.features.encode import VECTOR, asset_of
from mmsearch_dagster.pipeline.report import StepReport, timed
from mmsearch_dagster.pipeline.workspace import Workspace

if TYPE_CHECKING:
    from mmsearch_dagster.core.collaborative_filtering.interactions import FeedbackParams
    from mmsearch_dagster.core.collaborative_filtering.protocol import Comparison

ASSET = asset_of(COLLABORATIVE)
CODE_VERSION = "3"
_BARS = "models.png"
_SPLIT = "global-time"
# Below so many pairs of user and product, and users in the validation part, there is nothing to choose by.
_FEWEST_PAIRS = 50
_FEWEST_VALIDATION_USERS = 5
_SEED = 7


class FactorsFacts(Facts):
    """What is stored with the factors. rows: products. models, trials: rows of two tables for a person.

    test_metrics: of the chosen model on the test part. counts: users and pairs of each part. why_none: why
    there are no factors.
    """

    users: int = 0
    width: int = 0
    model: str | None = None
    parameters: str | None = None
    feedback: str | None = None
    split: str | None = None
    validation_ndcg: float | None = None
    test_metrics: dict[str, float] = {}
    counts: dict[str, int] = {}
    models: list[dict[str, Any]] = []
    trials: list[dict[str, Any]] = []
    why_none: str | None = None


def _feedbacks() -> "tuple[FeedbackParams, ...]":
    """Aged weights by action, or only that it happened: the validation part decides."""
    from mmsearch_dagster.core.collaborative_filtering.interactions import FeedbackParams

    return FeedbackParams(), FeedbackParams(binary=True, half_life_days=None)


def learn_factors(workspace: Workspace) -> StepReport:
    """One vector per product that somebody chose; none where the log is too short to choose by.

    The model and its parameters are chosen on the validation part of the log. What is released is learned
    from all of it: the judged queries that decide about a release are no part of the log.
    """
    from mmsearch_dagster.core.collaborative_filtering.protocol import FACTOR_GRID

    with timed(ASSET) as report:
        interactions = workspace.lake.current("interactions")
        facts = {
            "code": CODE_VERSION,
            "interactions": interactions.digest,
            "feedback": [params.model_dump() for params in _feedbacks()],
            "grid": [params.model_dump() for params in FACTOR_GRID],
        }
        snapshot, made = workspace.lake.obtain(
            ASSET,
            digest_of(facts),
            lambda folder: _learn(interactions.table(), folder).model_dump(),
            inputs=[interactions],
        )
        report.about(snapshot, made)
        stored = FactorsFacts.of(snapshot)
        figures = stored.test_metrics | stored.counts
        report.metrics |= {name.replace("_", " "): figure for name, figure in figures.items()}
        for name, rows in (("models", stored.models), ("trials", stored.trials)):
            if rows:
                report.tables[name] = pl.DataFrame(rows)
        if stored.models:
            report.images["test part"] = (snapshot.folder / _BARS).read_bytes()
    return report


def _learn(events: pl.DataFrame, folder: Path) -> FactorsFacts:
    from mmsearch_dagster.adapters.lake.factors import save_factors
    from mmsearch_dagster.core.collaborative_filtering import protocol, splits
    from mmsearch_dagster.core.collaborative_filtering.factors import no_factors
    from mmsearch_dagster.core.collaborative_filtering.interactions import feedback, interactions_of
    from mmsearch_dagster.core.collaborative_filtering.models import factorise, popularity

    tried = []
    for params in _feedbacks():
        parts = splits.split(feedback(events, params), _SPLIT)
        compared = protocol.compare(parts, params, grid=protocol.FACTOR_GRID, seed=_SEED)
        best = compared.best_of(protocol.FACTOR_KINDS)
        tried.append((best.validation if best else float("nan"), params, compared, best))
    value, params, compared, best = max(tried, key=lambda trial: np.nan_to_num(trial[0], nan=-1.0))
    everything = interactions_of(events, params)
    validation_users = compared.counts["validation users"]
    enough = everything.matrix.nnz >= _FEWEST_PAIRS and validation_users >= _FEWEST_VALIDATION_USERS
    if best is None or not enough:
        save_factors(folder, no_factors(), np.zeros(0, np.float32))
        return FactorsFacts(why_none="the log is too short to choose by")
    factors = factorise(everything, best.params)
    save_factors(folder, factors, popularity(everything.matrix))
    (folder / _BARS).write_bytes(_bars(compared, best.params.kind))
    return FactorsFacts(
        rows=len(factors.item_ids),
        users=len(factors.user_ids),
        width=int(factors.items.shape[1]),
        model=best.params.kind,
        parameters=best.params.description(),
        feedback="each pair once" if params.binary else f"aged, half life {params.half_life_days:g} days",
        split=splits.describe(_SPLIT),
        validation_ndcg=round(value, 4),
        test_metrics={f"test_{name}": round(between.mean, 4) for name, between in best.intervals.items()},
        counts={name.replace(" ", "_"): count for name, count in compared.counts.items()},
        models=_models(compared),
        trials=[
            {"model": trial.params.kind, "parameters": trial.params.description(), "validation": trial.value}
            for trial in compared.trials
        ],
    )


def _models(compared: "Comparison") -> list[dict[str, Any]]:
    rows = []
    for model in compared.measured:
        row: dict[str, Any] = {"model": model.params.kind, "parameters": model.params.description()}
        row["validation"] = model.validation
        for name, value in model.intervals.items():
            row |= {name: value.mean, f"{name} low": value.low, f"{name} high": value.high}
        rows.append(row)
    return rows


def _bars(compared: "Comparison", chosen: str) -> bytes:
    from mmsearch_dagster.adapters.reports.charts import Bar, metric_bars

    bars = [
        Bar(row["model"], row["ndcg@10"], row["ndcg@10 low"], row["ndcg@10 high"], row["model"] == chosen)
        for row in _models(compared)
    ]
    return metric_bars(bars, title="nDCG@10 on the last tenth of the log", metric="ndcg@10")


def with_factors_of(items: ModalityBatch, snapshot: Snapshot | None) -> ModalityBatch:
    """`items` with the factors of another snapshot, masked where there is none.

    An older model can only read the factors that it was trained with: every learning has its own axes.
    """
    if COLLABORATIVE not in items.vectors:
        return items
    table = snapshot.table() if snapshot is not None else pl.DataFrame(schema={col.PRODUCT_ID: pl.String})
    if not table.height:
        return items.only(*(name for name in items.vectors if name != COLLABORATIVE))
    matrix = table[VECTOR].to_numpy()
    row_of = {item: row for row, item in enumerate(table[col.PRODUCT_ID])}
    present = np.array([item in row_of for item in items.ids], dtype=bool)
    vectors = np.zeros((len(items), matrix.shape[1]), np.float32)
    vectors[present] = matrix[[row_of[item] for item in items.ids if item in row_of]]
    return replace(
        items,
        vectors={**items.vectors, COLLABORATIVE: vectors},
        present={**items.present, COLLABORATIVE: present},
    )
