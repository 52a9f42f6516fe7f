"""What `mmsearch bench` shows: a row per model, per variant of an ablation, per ranker."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl
    from rich.table import Table

    from mmsearch_dagster.core.collaborative_filtering.protocol import Comparison
    from mmsearch_dagster.pipeline.evaluation.ablation import AblationResult


def collaborative_figures(compared: "Comparison") -> list[dict[str, Any]]:
    """One entry per recommendation model, the best on validation first."""
    return [
        {
            "model": model.params.kind,
            "parameters": model.params.description(),
            "validation": None if model.validation != model.validation else model.validation,
            **{name: value.mean for name, value in model.intervals.items()},
            "intervals": {
                name: None if value.low != value.low else [value.low, value.high]
                for name, value in model.intervals.items()
            },
        }
        for model in compared.measured
    ]


def collaborative_table(compared: "Comparison", title: str) -> "Table":
    """One row per recommendation model, with its intervals."""
    from rich.markup import escape
    from rich.table import Table

    table = Table(title=escape(title), title_justify="left", header_style="bold")
    metrics = list(compared.chosen.intervals)
    table.add_column("model", no_wrap=True)
    for name in (*metrics, "validation"):
        table.add_column(name.replace("ndcg", "nDCG"), justify="right", no_wrap=True)
    for model in compared.measured:
        cells = [f"{each.mean:.4f} [{each.low:.3f}, {each.high:.3f}]" for each in model.intervals.values()]
        table.add_row(model.params.kind, *map(escape, cells), f"{model.validation:.4f}")
    return table


def collaborative_notes(compared: "Comparison", rule: str) -> list[str]:
    """What stands below the table of recommendation models."""
    chosen = [
        f"{model.params.kind}: {model.params.description()}"
        for model in compared.measured
        if model.params.description()
    ]
    return [
        f"Split: {rule}.",
        f"Chosen on validation: {'; '.join(chosen)}.",
        f"{', '.join(f'{name} {count:,}' for name, count in compared.counts.items())}.",
        *(f"{kind} left out: {why}" for kind, why in compared.skipped.items()),
    ]


def ablation_table(result: "AblationResult") -> "Table":
    """All queries of one split, group by group."""
    import polars as pl
    from rich.table import Table

    from mmsearch_dagster.core.evaluation.quality_table import ALL
    from mmsearch_dagster.pipeline.evaluation.ablation import GROUPS

    rows = result.table.filter(pl.col("kind") == ALL)
    table = Table(title=f"{result.split}, all queries", title_justify="left", header_style="bold")
    for name in ("", "trained on", "nDCG@10", "95% interval", "R@10", "top-1"):
        table.add_column(name, justify="right" if name in ("nDCG@10", "R@10", "top-1") else "left")
    for group in GROUPS:
        for row in rows.filter(pl.col("group") == group).iter_rows(named=True):
            between = f"{row['low']:.3f}–{row['high']:.3f}"
            cells = (f"{row[name]:.3f}" for name in ("recall@10", "top1"))
            table.add_row(group, row["branch"], f"{row['ndcg@10']:.3f}", between, *cells)
    for row in result.deltas:
        table.add_row("verdict", row["trial"], "", str(row["lost without"]), "", str(row["verdict"]))
    return table


def ranking_columns(figures: "pl.DataFrame") -> "pl.DataFrame":
    """Means and gains with their intervals, in columns that fit 80 characters."""
    import polars as pl

    def between(*names: str) -> pl.Expr:
        return pl.format("{} [{}, {}]", *(pl.col(name).round(3).cast(pl.String) for name in names))

    return figures.select(
        "engine",
        "metric",
        "queries",
        between("mean", "low", "high").alias("mean"),
        between("gain", "gain_low", "gain_high").alias("over BM25"),
    )
