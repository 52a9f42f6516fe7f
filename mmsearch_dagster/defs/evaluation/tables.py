"""The evaluation as a table and a picture for people."""

import polars as pl

from mmsearch_dagster.core.bootstrap import interval
from mmsearch_dagster.core.gate_policy import GatePolicy

_ALL = "all"


def quality_table(values: pl.DataFrame, policy: GatePolicy) -> pl.DataFrame:
    """One row per branch and kind of query: means of every metric, the policy's metric with its interval.

    values: `query_id`, `branch`, `kind`, `metric`, `value`.
    """
    everything = pl.concat([values, values.with_columns(kind=pl.lit(_ALL))])
    order = {name: place for place, name in enumerate(values["branch"].unique(maintain_order=True))}
    rows = []
    for (kind, branch), part in everything.group_by("kind", "branch", maintain_order=True):
        asked = part.filter(pl.col("metric") == policy.metric)["value"].to_numpy()
        between = interval(asked, resamples=policy.resamples, confidence=policy.confidence, seed=policy.seed)
        means = dict(part.group_by("metric", maintain_order=True).agg(pl.col("value").mean()).iter_rows())
        rows.append({"kind": kind, "branch": branch, "queries": len(asked), **_rounded(means),
                     "low": round(between.low, 4), "high": round(between.high, 4)})
    return pl.DataFrame(rows).sort(
        pl.col("kind") != _ALL, "kind", pl.col("branch").replace_strict(order), maintain_order=True
    )


def _rounded(means: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 4) for name, value in means.items()}


def quality_bars(table: pl.DataFrame, metric: str = "ndcg@10") -> bytes:
    """The branches side by side over all queries, with intervals."""
    from mmsearch_dagster.adapters.charts import Bar, metric_bars

    rows = table.filter(pl.col("kind") == _ALL)
    bars = [
        Bar(row["branch"], row[metric], row["low"], row["high"], highlight=row["branch"] == "released engine")
        for row in rows.iter_rows(named=True)
    ]
    return metric_bars(bars, title=f"{metric} on validation queries", metric=metric)
