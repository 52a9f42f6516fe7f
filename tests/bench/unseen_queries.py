"""Judged queries of files that a home never saw, and what its released engine answers to them."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mmsearch_dagster.core.evaluation.judged_queries import score
from mmsearch_dagster.core.metrics.bootstrap import Difference, paired_difference
from mmsearch_dagster.core.modality_names import IMAGE, TEXT
from mmsearch_dagster.core.retrieval.query import Query
from mmsearch_dagster.core.retrieval.rank_fusion import LEXICAL_RETRIEVER
from mmsearch_dagster.serving.engine import Engine
from mmsearch_dagster.serving.retrievers import retrieve

METRIC = "ndcg@10"
SEED = 7
_SINGLE = (LEXICAL_RETRIEVER, TEXT, IMAGE)
_DEPTH = 100


@dataclass(frozen=True)
class UnseenQuery:
    """A query and product id -> grade. image: a file, None without a photo."""

    query_id: str
    text: str | None
    image: Path | None
    grades: Mapping[str, int]

    def as_query(self) -> Query:
        """As a shopper gives it."""
        photo = self.image.read_bytes() if self.image else None
        return Query(text=self.text, image=photo, query_id=self.query_id)


@dataclass(frozen=True)
class KindResult:
    """One kind of query: means of METRIC, and how the engine stands to the best single retriever.

    best: its name; chosen on these very queries, so the engine is held against more than can be known.
    """

    kind: str
    queries: int
    engine: float
    best: str
    single: float
    difference: Difference

    @property
    def is_behind(self) -> bool:
        """Whether the engine is worse by more than the interval."""
        return self.difference.high < 0.0


def unseen_queries(file: Path, products: Sequence[str], *, limit: int | None = None) -> list[UnseenQuery]:
    """Typed queries and photos of a `judgments.csv`, those with a good product among `products`.

    Args:
        file: with the columns query_id, query_text, image, product_id and grade; pictures lie beside it.
        products: ids; other products are left out of the grades.
        limit: at most so many, evenly over the file.
    """
    here, found = frozenset(products), dict[str, UnseenQuery]()
    with file.open(encoding="utf-8", newline="") as opened:
        for row in csv.DictReader(opened):
            if row["product_id"] not in here or int(row["grade"]) < 1 or row.get("audio"):
                continue
            image = file.parent / row["image"] if row["image"] else None
            blank = UnseenQuery(row["query_id"], row["query_text"] or None, image, {})
            query = found.get(row["query_id"], blank)
            grades = {**query.grades, row["product_id"]: int(row["grade"])}
            found[row["query_id"]] = replace(query, grades=grades)
    queries = list(found.values())
    if limit is None or len(queries) <= limit:
        return queries
    return [queries[row] for row in np.linspace(0, len(queries) - 1, limit).astype(int)]


def results_by_kind(engine: Engine, queries: Sequence[UnseenQuery]) -> list[KindResult]:
    """The engine's answers beside those of each of its single retrievers, per kind of query."""
    grades = {query.query_id: query.grades for query in queries}
    kinds: dict[str, str] = {}
    rankings: dict[str, dict[str, list[str]]] = {name: {} for name in ("engine", *_SINGLE)}
    for query in queries:
        prepared = engine.prepare(query.as_query())
        kinds[query.query_id] = prepared.kind
        answer = engine.search(prepared, k=10)
        rankings["engine"][query.query_id] = [hit.product_id for hit in answer.hits]
        lists = retrieve(
            engine.table,
            None,
            [replace(prepared, weights=dict.fromkeys(_SINGLE, 1.0))],
            prepared.vectors,
            depth=_DEPTH,
            where=None,
        )[0]
        for name in _SINGLE:
            rankings[name][query.query_id] = [product for product, _ in lists.get(name, [])]
    values = {name: score(found, grades, METRIC) for name, found in rankings.items()}
    return [_of_kind(kind, kinds, values) for kind in sorted(set(kinds.values()))]


def _of_kind(kind: str, kinds: Mapping[str, str], values: Mapping[str, Mapping[str, float]]) -> KindResult:
    ids = sorted(key for key, other in kinds.items() if other == kind)
    by_name = {name: [values[name].get(key, 0.0) for key in ids] for name in ("engine", *_SINGLE)}
    best = max(_SINGLE, key=lambda name: float(np.mean(by_name[name])))
    return KindResult(
        kind,
        len(ids),
        float(np.mean(by_name["engine"])),
        best,
        float(np.mean(by_name[best])),
        paired_difference(by_name["engine"], by_name[best], seed=SEED),
    )
