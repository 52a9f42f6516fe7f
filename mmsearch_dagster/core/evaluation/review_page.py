"""The review page: what a reviewer reads about a model version in a minute, as Markdown."""

from collections.abc import Iterable, Mapping, Sequence

import polars as pl

from mmsearch_dagster.core.evaluation.comparison import CHAMPION, ENGINE
from mmsearch_dagster.core.evaluation.model_card import ModelCard
from mmsearch_dagster.core.gate.decision import Decision, Reason

_DIGEST = 10
# What MLflow's table keeps of a description.
_MOST_CHARACTERS = 5000
_GROUPED = ("slice[", "exposure[")
_MOST_NAMES = 30
_DATA = ("products", "interactions", "queries", "searches", "reviews")


def review_page(
    sentence: str,
    quality: pl.DataFrame,
    decision: Decision,
    snapshots: Mapping[str, str],
    *,
    metric: str,
    drift: Sequence[str] = (),
    card: ModelCard | None = None,
) -> str:
    """The description of a version.

    Args:
        sentence: the verdict in one sentence.
        quality: of `quality_table`, over the queries that decided.
        decision: the gate's.
        snapshots: asset -> digest of what the version was made from.
        metric: the policy's.
        drift: sentences about how the data differ from the released engine's.
        card: of the model.

    Returns:
        Markdown: the sentence; how to decide; figures against the champion by kind of query; what the gate
        says, refusals first; slices; drift; the model card; data. What holds has its sentence in the report.
    """
    rules = [reason for reason in decision.reasons if not reason.rule.startswith(_GROUPED)]
    groups = [reason for reason in decision.reasons if reason.rule.startswith(_GROUPED)]
    parts = [
        sentence,
        "To decide, where a review is asked: set the tag `review` to `approved` or `rejected` on this page "
        "(`review.note`: why). The whole report: `report.html` beside the model's files, under `review`.",
        *_section(f"{metric} by kind of query", _figures(quality, metric)),
        *_section("Gate", _rules(rules)),
        *_section("Slices and exposure, against the champion", _grouped(groups)),
        *_section("Drift since the released engine", [f"- {each}" for each in drift]),
        *_section("Model card", card.lines if card else []),
        *_section("Data", [f"- {name} `{snapshots[name][:_DIGEST]}`" for name in _DATA if name in snapshots]),
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


def _grouped(reasons: Sequence[Reason]) -> list[str]:
    """A sentence for each that is refused, the others by name."""
    names = {
        "ok": [reason for reason in reasons if reason.passed],
        "**cannot tell**": [reason for reason in reasons if reason.cannot_tell and not reason.refuses],
    }
    return [
        *_rules(reason for reason in reasons if reason.refuses),
        *(f"- {mark}: {_names(these)}" for mark, these in names.items() if these),
    ]


def _names(reasons: Sequence[Reason]) -> str:
    shown = ", ".join(f"`{reason.rule}`" for reason in reasons[:_MOST_NAMES])
    more = len(reasons) - _MOST_NAMES
    return shown if more <= 0 else f"{shown} and {more} more"


def _order(reason: Reason) -> tuple[bool, bool]:
    return not reason.refuses, not reason.cannot_tell


def _mark(reason: Reason) -> str:
    if reason.cannot_tell:
        return "**cannot tell**"
    return "ok" if reason.passed else "**NO**"
