"""Tables for people: answers, the gate, quality, releases."""

from collections.abc import Iterable, Mapping, Sequence
from math import isnan
from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.table import Table

from mmsearch_dagster.core.catalog import columns as c

if TYPE_CHECKING:
    import polars as pl

    from mmsearch_dagster.adapters.registry.release_list import ReleaseRow
    from mmsearch_dagster.core.retrieval.query import Answer

_KINDS = {"all": "all queries"}
# What fits 80 columns; the report in the lake and in Dagster has the rest.
_SHOWN = {"top1": "top-1", "recall@10": "R@10", "mrr": "MRR", "map": "MAP"}
# Of an ISO time.
_TO_THE_MINUTE = len("2026-01-01T00:00")


def frame_table(frame: "pl.DataFrame", title: str) -> Table:
    """Any small frame."""
    table = Table(title=title, title_justify="left", header_style="bold")
    for name, kind in frame.schema.items():
        table.add_column(name, justify="right" if kind.is_numeric() else "left")
    for row in frame.iter_rows():
        table.add_row(*(escape(_cell(value)) for value in row))
    return table


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4f}"
    return "" if value is None else str(value)


def quality(frame: "pl.DataFrame", kind: str, metric: str | None = None) -> Table:
    """One kind of query: every retriever with its figures and the interval of `metric`."""
    import polars as pl

    from mmsearch_dagster.core.evaluation.judged_queries import METRIC

    metric = metric or METRIC
    part = frame.filter(pl.col("kind") == kind)
    queries = part["queries"].max() if part.height else 0
    title = f"{escape(_KINDS.get(kind, kind))} ({queries})"
    table = Table(title=title, title_justify="left", header_style="bold")
    table.add_column("branch", no_wrap=True)
    shown = {name: title for name, title in _SHOWN.items() if name != metric}
    for name in (metric.replace("ndcg", "nDCG"), "95% interval", *shown.values()):
        table.add_column(name, justify="right", no_wrap=True)
    for row in part.iter_rows(named=True):
        between = _between(row["low"], row["high"])
        style = "bold" if row["branch"] == "released engine" else ""
        cells = [f"{row[name]:.3f}" for name in shown]
        table.add_row(row["branch"], f"{row[metric]:.3f}", between, *cells, style=style)
    return table


def _between(low: float, high: float) -> str:
    """An interval; one query alone has none."""
    return "-" if isnan(low) or isnan(high) else f"{low:.3f}–{high:.3f}"


def gate(decision: Mapping[str, Any]) -> Table:
    """The gate's answer, rule by rule."""
    verdict = "[green]passed[/]" if decision["passed"] else "[red]refused[/]"
    table = Table(title=f"Gate: {verdict}", title_justify="left", header_style="bold")
    table.add_column("rule")
    table.add_column("")
    table.add_column("why")
    for reason in decision["reasons"]:
        mark = "[green]ok[/]" if reason["passed"] else "[red]no[/]"
        table.add_row(escape(reason["rule"]), mark, escape(reason["text"]))
    return table


def answer(result: "Answer", title: str) -> Table:
    """Ranked products of one query; the last two columns are their ranks in each retriever."""
    table = Table(title=escape(title), title_justify="left", header_style="bold")
    table.add_column("#", justify="right")
    table.add_column("product", no_wrap=True)
    table.add_column("title", ratio=3)
    table.add_column("category", ratio=2)
    for name in ("price", "vector", "words"):
        table.add_column(name, justify="right", no_wrap=True)
    for hit in result.hits:
        ranks = [str(hit.branches.get(name) or "-") for name in ("vector", "lexical")]
        words = [escape(hit.payload.get(name) or "") for name in (c.TITLE, c.CATEGORY)]
        table.add_row(str(hit.rank), escape(hit.product_id), *words, _price(hit.payload), *ranks)
    return table


def _price(payload: Mapping[str, Any]) -> str:
    if payload.get(c.PRICE) is None:
        return ""
    return f"{payload[c.PRICE]:.2f} {payload.get(c.CURRENCY) or ''}".strip()


def releases(rows: "Iterable[ReleaseRow]") -> Table:
    """Every registered version, newest first. What `rollback` asks for is whole on any terminal.

    The index is named after its catalogue.
    """
    listed = list(rows)
    why = [
        f"{row.manifest.release_id} withdrawn: {row.withdrawn_because}"
        for row in listed
        if row.withdrawn_because
    ]
    table = Table(header_style="bold", caption=escape("\n".join(why)) or None, caption_justify="left")
    for name in ("release", "status", "created (UTC)", "model", "strategy"):
        table.add_column(name, no_wrap=True)
    table.add_column("index", overflow="fold")
    for row in listed:
        manifest = row.manifest
        created = row.created[:_TO_THE_MINUTE].replace("T", " ")
        index = f"{manifest.index.table} v{manifest.index.version}" if manifest.index else "-"
        table.add_row(
            manifest.release_id, row.status, created, f"v{manifest.model_version}", manifest.strategy, index
        )
    return table


def facts(pairs: Sequence[tuple[str, str]], title: str) -> Table:
    """Names and values."""
    table = Table(title=title, title_justify="left", show_header=False)
    table.add_column(style="bold")
    table.add_column()
    for name, value in pairs:
        table.add_row(name, escape(value))
    return table
