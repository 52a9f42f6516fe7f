"""Per-query values as the table people read."""

from collections.abc import Mapping

import polars as pl

from mmsearch_dagster.core.bootstrap import interval
from mmsearch_dagster.core.gate_policy import GatePolicy

ALL = "all"


def quality_table(values: pl.DataFrame, policy: GatePolicy | None = None) -> pl.DataFrame:
    """One row per branch and kind of query: means of every metric, the policy's metric with its interval.

    values: `query_id`, `branch`, `kind`, `metric`, `value`.
    """
    by = policy or GatePolicy()
    everything = pl.concat([values.with_columns(kind=pl.lit(ALL)), values])
    order = {name: place for place, name in enumerate(values["branch"].unique(maintain_order=True))}
    rows = []
    for (kind, branch), part in everything.group_by("kind", "branch", maintain_order=True):
        asked = part.filter(pl.col("metric") == by.metric)["value"].to_numpy()
        between = interval(asked, resamples=by.resamples, confidence=by.confidence, seed=by.seed)
        means = dict(part.group_by("metric", maintain_order=True).agg(pl.col("value").mean()).iter_rows())
        figures = {**_rounded(means), "low": round(between.low, 4), "high": round(between.high, 4)}
        rows.append({"kind": kind, "branch": branch, "queries": len(asked), **figures})
    if not rows:
        return pl.DataFrame(schema={"kind": pl.String, "branch": pl.String, "queries": pl.Int64})
    places = pl.col("branch").replace_strict(order)
    return pl.DataFrame(rows).sort(pl.col("kind") != ALL, "kind", places, maintain_order=True)


def _rounded(means: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, 4) for name, value in means.items()}
