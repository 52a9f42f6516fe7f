"""`python -m tests.bench.label_curve --home H`: what grading is worth, chosen pairs against random ones.

The released engine against full-text search on a home's judged validation queries, as if none was graded yet:
the width of the 95 % interval of their difference in DCG@10 that the missing grades leave open.
"""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from mmsearch_dagster.adapters.reports.charts import curves
from mmsearch_dagster.cli.options import released_of
from mmsearch_dagster.core.labels.active import LabelRequest, interval_width, label_requests
from mmsearch_dagster.core.retrieval.query import Query
from mmsearch_dagster.serving.engine import Engine
from mmsearch_dagster.settings import DEFAULT_HOME
from tests.bench.against_bm25 import typed_queries

SEED, _DEPTH, _POINTS, _DRAWS = 7, 10, 21, 20
Lists = Mapping[str, Sequence[str]]


def two_lists(engine: Engine, texts: Mapping[str, str]) -> tuple[Lists, Lists]:
    """Query id -> products of the engine, and of its full-text search."""
    answers = engine.search_batch([Query(text=text) for text in texts.values()], k=_DEPTH)
    words = engine.table.lexical_batch(list(texts.values()), _DEPTH)
    return (
        {key: [hit.product_id for hit in got.hits] for key, got in zip(texts, answers, strict=True)},
        {key: [hit.product_id for hit in hits] for key, hits in zip(texts, words, strict=True)},
    )


def widths(
    engine: Lists, baseline: Lists, order: Sequence[LabelRequest], counts: Sequence[int]
) -> list[float]:
    """Of the interval after so many labels in an order."""
    return [interval_width(engine, baseline, _graded(order[:count])) for count in counts]


def _graded(pairs: Sequence[LabelRequest]) -> dict[str, dict[str, int]]:
    grades: dict[str, dict[str, int]] = {}
    for pair in pairs:
        grades.setdefault(pair.query_id, {})[pair.product_id] = 0
    return grades


def _all_pairs(engine: Lists, baseline: Lists) -> list[LabelRequest]:
    """What somebody grades who looks at both lists, whether or not they differ there."""
    return [
        LabelRequest(query, product, 0.0)
        for query, products in engine.items()
        for product in dict.fromkeys((*products, *baseline[query]))
    ]


def main() -> None:
    """Measure, print, draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, default=Path(DEFAULT_HOME))
    parser.add_argument("--out", type=Path, default=Path("label_curve.png"))
    options = parser.parse_args()
    home = options.home.resolve()
    engine = released_of(home).engine()
    texts, _ = typed_queries(home, ["validation"])
    ours, lexical = two_lists(engine, texts)
    active, pairs = label_requests(ours, lexical, {}, limit=1_000_000), _all_pairs(ours, lexical)
    counts = np.linspace(0, len(pairs), _POINTS).astype(int).tolist()
    chosen = widths(ours, lexical, active, counts)
    rng = np.random.default_rng(SEED)
    draws = [
        widths(ours, lexical, [pairs[row] for row in rng.permutation(len(pairs))], counts)
        for _ in range(_DRAWS)
    ]
    drawn = np.mean(draws, axis=0).tolist()
    print("| labels | chosen | random |\n|---|---|---|")
    for count, *pair in zip(counts, chosen, drawn, strict=True):
        print(f"| {count} | {pair[0]:.3f} | {pair[1]:.3f} |")
    print(
        f"{len(texts)} queries; half the width: {_needed(counts, chosen)} and {_needed(counts, drawn)} labels"
    )
    lines = {
        "chosen": list(zip(counts, chosen, strict=True)),
        "random": list(zip(counts, drawn, strict=True)),
    }
    title = "Width of the 95 % interval by number of labels"
    options.out.write_bytes(curves(lines, title=title, x_label="labels", y_label="DCG@10"))


def _needed(counts: Sequence[int], curve: Sequence[float]) -> int:
    return counts[next(row for row, width in enumerate(curve) if width <= curve[0] / 2)]


if __name__ == "__main__":
    main()
