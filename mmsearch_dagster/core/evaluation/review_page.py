"""What a reviewer reads about a model version in a minute, as Markdown."""

from collections.abc import Iterable, Mapping, Sequence

import polars as pl

from mmsearch_dagster.core.evaluation.comparison import CHAMPION, ENGINE
from mmsearch_dagster.core.gate.decision import Decision, Reason

_DIGEST = 10
# What MLflow's table keeps of a description.
_MOST_CHARACTERS = 5000
_DATA = ("products", "interactions", "queries", "searches", "reviews")


def review_page(
    sentence: str, quality: pl.DataFrame, decision: Decision, snapshots: Mapping[str, str], *, metric: str
) -> str:
    """The description of a version.

    Args:
        sentence: the verdict in one sentence.
        quality: of `quality_table`, over the queries that decided.
        decision: the gate's.
        snapshots: asset -> digest of what the version was made from.
        metric: the policy's.

    Returns:
        Markdown: the sentence; figures against the champion by kind of query; what the gate says, refusals
        first; slices; data; how to decide.
    """
    rules = [reason for reason in decision.reasons if not reason.rule.startswith("slice[")]
    slices = [reason for reason in decision.reasons if reason.rule.startswith("slice[")]
    parts = [
        sentence,
        *_section(f"{metric} by kind of query", _figures(quality, metric)),
        *_section("Gate", _rules(rules)),
        *_section("Slices, against the champion", _rules(slices)),
        *_section("Data", [f"- {name} `{snapshots[name][:_DIGEST]}`" for name in _DATA if name in snapshots]),
        *_section(
            "To decide, where a review is asked",
            ["Set the tag `review` to `approved` or `rejected` on this page (`review.note`: why)."],
        ),
    ]
    page = "\n\n".join(parts)
    return page if len(page) <= _MOST_CHARACTERS else f"{page[: _MOST_CHARACTERS - 1]}…"


def _section(title: str, lines: Sequence[str]) -> list[str]:
    return [f"### {title}", "\n".join(lines)] if lines else []


def _figures(quality: pl.DataFrame, metric: str) -> list[str]:
    """A row per kind of query: this engine, the champion, the best single retriever."""
    rows = ["| queries | this engine | champion | difference |", "|---|---|---|---|"]
    for kind in quality["kind"].unique(maintain_order=True) if quality.height else ():
        of = {row["branch"]: row for row in quality.filter(pl.col("kind") == kind).iter_rows(named=True)}
        if ENGINE not in of:
            continue
        engine, champion = of[ENGINE][metric], of.get(CHAMPION, {}).get(metric)
        against = ("-", "-") if champion is None else (f"{champion:.4f}", f"{engine - champion:+.4f}")
        rows.append(f"| {kind} ({of[ENGINE]['queries']}) | {engine:.4f} | {' | '.join(against)} |")
    return rows if len(rows) > 2 else []


def _rules(reasons: Iterable[Reason]) -> list[str]:
    return [f"- {_mark(reason)} `{reason.rule}`: {reason.text}" for reason in sorted(reasons, key=_order)]


def _order(reason: Reason) -> tuple[bool, bool]:
    return not reason.refuses, not reason.cannot_tell


def _mark(reason: Reason) -> str:
    if reason.cannot_tell:
        return "**cannot tell**"
    return "ok" if reason.passed else "**NO**"
