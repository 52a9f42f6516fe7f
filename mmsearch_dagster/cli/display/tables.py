"""Tables on a terminal: answers, the gate, quality, releases."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from math import isnan
from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.table import Table

from mmsearch_dagster.core.catalog import columns as col

if TYPE_CHECKING:
    import polars as pl

    from mmsearch_dagster.adapters.registry.release_list import ReleaseRow
    from mmsearch_dagster.core.retrieval.query import Answer
    from mmsearch_dagster.core.retrieval.variant_groups import VariantFacts
    from mmsearch_dagster.serving.lists import Suggestion

_KINDS = {"all": "all queries"}
# What fits 80 columns; the report in the lake and in Dagster has the rest.
_SHOWN = {"top1": "top-1", "recall@10": "R@10", "mrr": "MRR", "map": "MAP"}
# Of an ISO time.
_TO_THE_MINUTE = len("2026-01-01T00:00")
_TO_THE_DAY = len("2026-01-01")
_MOST_OF_A_REVIEW = 240
# Names of JSON as people read them.
_HEADINGS = {
    "branches": "retrievers",
    "branch": "retriever",
    "product_modalities": "modalities of the product",
    "own_cosine": "cosine",
    "fused_cosine": "fused cosine",
    "fused_without_it": "without it",
    "user_id": "person (pseudonym)",
    "expected_response": "expected response",
    "last_seen": "last seen",
    "monetary": "spent",
}


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
    table.add_column("retriever", no_wrap=True)
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
        if reason.get("cannot_tell"):
            mark = "cannot tell"
        table.add_row(escape(reason["rule"]), mark, escape(reason["text"]))
    return table


def answer(result: "Answer", title: str) -> Table:
    """Ranked products of one query; the last two columns are their ranks in each retriever."""
    table = Table(title=escape(title), title_justify="left", header_style="bold")
    table.add_column("#", justify="right")
    table.add_column("product", no_wrap=True)
    table.add_column("title", ratio=3)
    table.add_column("category", ratio=2)
    for name in ("price", "vector", "lexical"):
        table.add_column(name, justify="right", no_wrap=True)
    for hit in result.hits:
        ranks = [str(hit.branches.get(name) or "-") for name in ("vector", "lexical")]
        words = [escape(title_of(hit.payload)), escape(hit.payload.get(col.CATEGORY) or "")]
        price = _price(hit.payload, hit.variants)
        table.add_row(str(hit.rank), escape(hit.product_id), *words, price, *ranks)
    return table


def title_of(payload: Mapping[str, Any]) -> str:
    """A product's title, with what keeps it from being sold."""
    sold_out = " (out of stock)" if payload.get(col.IN_STOCK) is False else ""
    return f"{payload.get(col.TITLE) or '(no title)'}{sold_out}"


def suggestions(hits: "Sequence[Suggestion]", title: str) -> Table:
    """A list made for a person. What the shop's rules did has a column where they did something."""
    ruled = any(hit.rules for hit in hits)
    table = Table(title=escape(title), title_justify="left", header_style="bold")
    table.add_column("#", justify="right")
    table.add_column("product", no_wrap=True)
    table.add_column("title")
    for name in ("price", "score"):
        table.add_column(name, justify="right", no_wrap=True)
    if ruled:
        table.add_column("rules")
    for hit in hits:
        cells = [
            str(hit.rank),
            hit.product_id,
            title_of(hit.payload),
            _price(hit.payload, hit.variants),
            f"{hit.score:.4f}",
        ]
        table.add_row(*map(escape, [*cells, ", ".join(hit.rules)] if ruled else cells))
    return table


def records(rows: Sequence[Mapping[str, Any]], name: str) -> Table:
    """Records of one kind, one a row. A column that says nothing is left out."""
    keys = [key for key in rows[0] if any(row.get(key) not in (None, "") for row in rows)]
    table = Table(title=_HEADINGS.get(name, name), title_justify="left", header_style="bold")
    for key in keys:
        numbers = all(isinstance(row.get(key), int | float | None) for row in rows)
        whole = key == col.USER_ID  # to be copied
        table.add_column(
            _HEADINGS.get(key, key), justify="right" if numbers else "left", no_wrap=whole, overflow="fold"
        )
    for row in rows:
        table.add_row(*(escape(_record_cell(row.get(key))) for key in keys))
    return table


def _record_cell(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat()[:_TO_THE_DAY]
    return _cell(value)


def reviews(rows: Sequence[Mapping[str, Any]], name: str) -> Table:
    """The most useful reviews of a product, long ones cut."""
    table = Table(title=name.replace("_", " "), title_justify="left", header_style="bold")
    for column in ("review", "rating", "useful"):
        table.add_column(column, justify="left" if column == "review" else "right", no_wrap=True)
    table.add_column("text", ratio=1)
    for row in rows:
        text = ": ".join(part for part in (row.get("title"), row.get("text")) if part)
        cut = f"{text[:_MOST_OF_A_REVIEW]}…" if len(text) > _MOST_OF_A_REVIEW else text
        rating, usefulness = row.get("rating"), row.get("usefulness")
        numbers = ["" if rating is None else f"{rating:g}", "" if usefulness is None else f"{usefulness:.2f}"]
        table.add_row(escape(str(row.get("review_id") or "")), *numbers, escape(cut))
    return table


def _price(payload: Mapping[str, Any], variants: "VariantFacts | None") -> str:
    """The price; of a product with variants from the lowest to the highest."""
    price = payload.get(col.PRICE)
    low, high = (variants.price_from, variants.price_to) if variants else (price, price)
    if low is None or high is None:
        return ""
    amount = f"{low:.2f}" if low == high else f"{low:.2f}–{high:.2f}"
    return f"{amount} {payload.get(col.CURRENCY) or ''}".strip()


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


def unused(rows: Iterable[tuple[str, int, str]], title: str) -> Table:
    """What a clean-up removes: kind, how many, the first names."""
    table = Table(title=title, title_justify="left", header_style="bold")
    table.add_column("kind", no_wrap=True)
    table.add_column("how many", justify="right")
    table.add_column("for example")
    for kind, count, names in rows:
        table.add_row(kind, str(count), escape(names))
    return table


def facts(pairs: Sequence[tuple[str, str]], title: str) -> Table:
    """Names and values."""
    table = Table(title=title, title_justify="left", show_header=False)
    table.add_column(style="bold")
    table.add_column()
    for name, value in pairs:
        table.add_row(name, escape(value))
    return table
