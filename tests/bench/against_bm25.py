"""`python -m tests.bench.against_bm25 --home H`: a released engine beside a tuned, stemmed BM25 of `bm25s`.

Typed queries of one split, as they were typed for both. BM25 reads every field of the contract's text
(title, brand, category, attributes, description); k1 and b are the best of a grid on the training queries.
"""

import argparse
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from mmsearch_dagster.adapters.lake.snapshots import Lake
from mmsearch_dagster.cli.options import released_of
from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.evaluation.judged_queries import score
from mmsearch_dagster.core.metrics.bootstrap import interval, paired_difference
from mmsearch_dagster.core.retrieval.query import Query
from mmsearch_dagster.core.text.preparation import item_text
from mmsearch_dagster.settings import DEFAULT_HOME

SEED = 7
_K = 10
_K1, _B = (0.5, 0.9, 1.2, 1.6), (0.1, 0.3, 0.5, 0.75)
_RESAMPLES = 2_000

Texts = Mapping[str, str]
Grades = Mapping[str, Mapping[str, int]]


@dataclass(frozen=True)
class PlainBm25:
    """What a shop has in an afternoon: `bm25s`, its English stop words, the Snowball stemmer."""

    ids: Sequence[str]
    index: Any

    @classmethod
    def of(cls, texts: Texts, *, k1: float, b: float) -> "PlainBm25":
        """texts: product id -> all that is known of it."""
        import bm25s

        index = bm25s.BM25(k1=k1, b=b)
        index.index(_tokens(list(texts.values())), show_progress=False)
        return cls(list(texts), index)

    def search(self, queries: Texts) -> dict[str, list[str]]:
        """Query id -> the `_K` best products."""
        tokens = _tokens(list(queries.values()))
        rows, scores = self.index.retrieve(tokens, k=min(_K, len(self.ids)), show_progress=False)
        return {
            key: [self.ids[int(row)] for row, value in zip(best, values, strict=True) if value > 0]
            for key, best, values in zip(queries, rows.tolist(), scores.tolist(), strict=True)
        }


def _tokens(texts: list[str]) -> Any:
    import bm25s
    import Stemmer

    return bm25s.tokenize(
        texts, stopwords="en", stemmer=Stemmer.Stemmer("english"), return_ids=False, show_progress=False
    )


def tuned(texts: Texts, queries: Texts, grades: Grades, metric: str) -> tuple[PlainBm25, str]:
    """The best of the grid on these queries, and its parameters in words."""
    tried = {f"k1 {k1}, b {b}": PlainBm25.of(texts, k1=k1, b=b) for k1, b in itertools.product(_K1, _B)}
    means = {name: mean(score(bm25.search(queries), grades, metric)) for name, bm25 in tried.items()}
    best = max(means, key=lambda name: means[name])
    return tried[best], best


def mean(values: Mapping[str, float]) -> float:
    """Over queries."""
    return float(np.mean(list(values.values())))


def ratio_interval(ours: Sequence[float], theirs: Sequence[float]) -> tuple[float, float]:
    """95 % of the ratio of two means over the same queries."""
    a, b = np.array(ours), np.array(theirs)
    rows = np.random.default_rng(SEED).integers(0, len(a), size=(_RESAMPLES, len(a)))
    low, high = np.percentile(a[rows].mean(axis=1) / b[rows].mean(axis=1), [2.5, 97.5])
    return float(low), float(high)


def product_texts(home: Path) -> dict[str, str]:
    """Product id -> its whole text."""
    rows = Lake(home / "lake").current("products").table().iter_rows(named=True)
    return {
        row[col.PRODUCT_ID]: item_text(
            row[col.TITLE],
            brand=row[col.BRAND],
            category=row[col.CATEGORY],
            attributes=row[col.ATTRIBUTES] or (),
            description=row[col.DESCRIPTION],
        )
        for row in rows
    }


def typed_queries(home: Path, splits: Sequence[str]) -> tuple[dict[str, str], dict[str, dict[str, int]]]:
    """Texts and grades of the home's judged queries of words alone."""
    rows = Lake(home / "lake").current("queries").table()
    alone = pl.col(col.QUERY_TEXT).is_not_null() & pl.col(col.IMAGE).is_null() & pl.col(col.AUDIO).is_null()
    texts: dict[str, str] = {}
    grades: dict[str, dict[str, int]] = {}
    for key, text, product, grade in (
        rows.filter(alone & pl.col(col.SPLIT).is_in(list(splits)))
        .select(col.QUERY_ID, col.QUERY_TEXT, col.PRODUCT_ID, col.GRADE)
        .iter_rows()
    ):
        texts[key] = text
        grades.setdefault(key, {})[product] = grade
    return texts, grades


def main() -> None:
    """Measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, default=Path(DEFAULT_HOME))
    parser.add_argument("--split", action="append", help="default: test")
    parser.add_argument("--metric", default="ndcg@10")
    options = parser.parse_args()
    home = options.home.resolve()
    engine = released_of(home).engine()
    bm25, chosen = tuned(product_texts(home), *typed_queries(home, ["train"]), options.metric)
    texts, grades = typed_queries(home, options.split or ["test"])
    answers = engine.search_batch([Query(text=text) for text in texts.values()], k=_K)
    served = {
        key: [hit.product_id for hit in answer.hits] for key, answer in zip(texts, answers, strict=True)
    }
    values = {
        name: score(found, grades, options.metric)
        for name, found in (("engine", served), (f"BM25 ({chosen})", bm25.search(texts)))
    }
    ours, theirs = ([by_query.get(key, 0.0) for key in texts] for by_query in values.values())
    for name, column in zip(values, (ours, theirs), strict=True):
        shown = interval(column, seed=SEED)
        print(f"{name}: {options.metric} {shown.mean:.3f} [{shown.low:.3f}, {shown.high:.3f}]")
    gap, ratio = paired_difference(ours, theirs, seed=SEED), ratio_interval(ours, theirs)
    print(f"difference {gap.mean:+.3f} [{gap.low:+.3f}, {gap.high:+.3f}], {gap.queries} queries")
    print(f"ratio {np.mean(ours) / np.mean(theirs):.2f} [{ratio[0]:.2f}, {ratio[1]:.2f}]")


if __name__ == "__main__":
    main()
