"""The quality table: means and intervals of per-query values, as people read them."""

from collections.abc import Mapping

import polars as pl

from mmsearch_dagster.core.gate.policy import GatePolicy
from mmsearch_dagster.core.labels.provenance import Provenance, provenance_phrase
from mmsearch_dagster.core.metrics.bootstrap import interval

ALL = "all"


def quality_table(values: pl.DataFrame, policy: GatePolicy | None = None) -> pl.DataFrame:
    """Means of every metric per retriever and kind of query, with an interval of the policy's metric.

    Args:
        values: `query_id`, `branch`, `kind`, `metric`, `value`.
        policy: metric, resamples, confidence and seed of the interval.

    Returns:
        One row per retriever and kind, all queries first.
    """
    by = policy or GatePolicy()
    everything = pl.concat([values.with_columns(kind=pl.lit(ALL)), values])
    order = {name: row for row, name in enumerate(values["branch"].unique(maintain_order=True))}
    rows = []
    for (kind, branch), part in everything.group_by("kind", "branch", maintain_order=True):
        main = part.filter(pl.col("metric") == by.metric)["value"].to_numpy()
        between = interval(main, resamples=by.resamples, confidence=by.confidence, seed=by.seed)
        means = dict(part.group_by("metric", maintain_order=True).agg(pl.col("value").mean()).iter_rows())
        metrics = {**_rounded(means), "low": round(between.low, 4), "high": round(between.high, 4)}
        rows.append({"kind": kind, "branch": branch, "queries": len(main), **metrics})
    if not rows:
        return pl.DataFrame(schema={"kind": pl.String, "branch": pl.String, "queries": pl.Int64})
    in_order = pl.col("branch").replace_strict(order)
    return pl.DataFrame(rows).sort(pl.col("kind") != ALL, "kind", in_order, maintain_order=True)


def metrics_of_retriever(table: pl.DataFrame, retriever: str, metric: str) -> dict[str, float]:
    """The metrics of one retriever of a `quality_table`, by name.

    Args:
        table: what `quality_table` returns.
        retriever: name of the retriever.
        metric: the one that the table has an interval of.

    Returns:
        `all/ndcg@10`, `words/mrr`, `all/ndcg@10 low`, ... -> value.
    """
    ends = {name: f"{metric} {name}" for name in ("low", "high")}
    return {
        f"{row['kind']}/{ends.get(name, name)}": float(value)
        for row in table.filter(pl.col("branch") == retriever).iter_rows(named=True)
        for name, value in row.items()
        if name not in ("kind", "branch") and value is not None
    }


def verdict(
    table: pl.DataFrame,
    policy: GatePolicy,
    *,
    retriever: str,
    strategy: str,
    passed: bool,
    provenance: Provenance,
) -> str:
    """One sentence about a model version: its strategy, the gate's answer, the main metric.

    Args:
        table: what `quality_table` returns.
        policy: names the main metric.
        retriever: the retriever that the sentence is about.
        strategy: name of the fusion strategy.
        passed: the gate's answer.
        provenance: how the answers to the queries are known.

    Returns:
        The sentence, for display.
    """
    answer = "passed" if passed else "refused"
    begin = f"Strategy {strategy}, {answer} by the gate"
    rows = table.filter((pl.col("branch") == retriever) & (pl.col("kind") == ALL))
    if rows.is_empty():
        return f"{begin}; no validation queries."
    row = rows.row(0, named=True)
    return (
        f"{begin}: {policy.metric} {row[policy.metric]:.4f} ({policy.confidence:.0%} interval "
        f"{row['low']:.4f} to {row['high']:.4f}) on {row['queries']} validation queries, "
        f"{provenance_phrase(provenance)}."
    )


def _rounded(means: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, 4) for name, value in means.items()}
