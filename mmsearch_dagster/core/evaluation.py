"""How good is what would be released: every branch and the blend, on the same judged queries."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mmsearch_dagster.core.metrics import by_query, per_query
from mmsearch_dagster.core.modalities import IMAGE, TEXT, Matrix, ModalityBatch
from mmsearch_dagster.core.release import RetrievalParams
from mmsearch_dagster.core.retrieval import LEXICAL_BRANCH, VECTOR_BRANCH, fuse, nearest_rows, query_kind

if TYPE_CHECKING:
    from mmsearch_dagster.core.fusion.model import TwoTower

Rankings = dict[str, list[str]]
LexicalSearch = Callable[[Sequence[str], int], list[list[str]]]

# Weights the full-text branch may take beside the vector branch's 1.0.
LEXICAL_WEIGHTS = (0.0, 0.1, 0.25, 0.5, 1.0)
METRIC = "ndcg@10"


@dataclass(frozen=True)
class JudgedQueries:
    """A set of queries with graded products, row for row.

    texts: the words as typed, None where there are none. origins: how we know (core.fusion.examples).
    grades: query id -> product id -> grade 1-3; unknown products are left out.
    """

    batch: ModalityBatch
    texts: tuple[str | None, ...]
    origins: tuple[str, ...]
    grades: Mapping[str, Mapping[str, int]]

    @property
    def kinds(self) -> dict[str, str]:
        """Query id -> words, picture or words+picture."""
        pictures = self.batch.present.get(IMAGE, np.zeros(len(self.batch), bool))
        return {
            key: query_kind(words=text is not None, picture=bool(picture))
            for key, text, picture in zip(self.batch.ids, self.texts, pictures, strict=True)
            if text is not None or picture
        }


def by_vector(
    queries: Matrix, items: Matrix, ids: tuple[Sequence[str], Sequence[str]], depth: int
) -> Rankings:
    """Exact search; `ids` are (query ids, item ids). Queries without a vector (zero rows) find nothing."""
    query_ids, item_ids = ids
    found: Rankings = {}
    for key, vector, (rows, _) in zip(query_ids, queries, nearest_rows(queries, items, depth), strict=True):
        found[key] = [item_ids[int(row)] for row in rows] if vector.any() else []
    return found


def by_encoder(modality: str, queries: ModalityBatch, items: ModalityBatch, depth: int) -> Rankings:
    """The untrained encoder alone: cosine of its query vectors with its item vectors."""
    if modality not in queries.vectors or modality not in items.vectors:
        return {key: [] for key in queries.ids}
    seen = np.flatnonzero(items.present[modality])
    vectors = _unit(items.vectors[modality][seen])
    asked = _unit(queries.vectors[modality]) * queries.present[modality][:, None]
    return by_vector(asked, vectors, (queries.ids, [items.ids[row] for row in seen]), depth)


def _unit(matrix: Matrix) -> Matrix:
    return matrix / np.maximum(np.linalg.norm(matrix, axis=1, keepdims=True), 1e-9)


def by_words(queries: JudgedQueries, search: LexicalSearch, depth: int) -> Rankings:
    """Full-text search over the words of each query."""
    asked = [(key, text) for key, text in zip(queries.batch.ids, queries.texts, strict=True) if text]
    found = search([text for _, text in asked], depth)
    lists = {key: ranking for (key, _), ranking in zip(asked, found, strict=True)}
    return {key: lists.get(key, []) for key in queries.batch.ids}


def by_model(model: "TwoTower", queries: ModalityBatch, items: ModalityBatch, depth: int) -> Rankings:
    """The fused vectors alone."""
    return by_vector(model.queries(queries), model.items(items), (queries.ids, items.ids), depth)


def blend(vector: Rankings, lexical: Rankings, kinds: Mapping[str, str], params: RetrievalParams) -> Rankings:
    """What the engine answers: both branches by weighted reciprocal rank."""
    blended: Rankings = {}
    for key, ranking in vector.items():
        weight = params.lexical_weight.get(kinds.get(key, ""), 0.0)
        fused = fuse(
            {VECTOR_BRANCH: ranking, LEXICAL_BRANCH: lexical[key]}, {LEXICAL_BRANCH: weight}, params.rrf_k
        )
        blended[key] = [product for product, _ in fused]
    return blended


def score(
    rankings: Rankings, grades: Mapping[str, Mapping[str, int]], metric: str = METRIC
) -> dict[str, float]:
    """Query id -> value of one metric."""
    return by_query(per_query(rankings, grades, metrics=[metric]), metric)


def choose_blend(
    vector: Rankings, lexical: Rankings, queries: JudgedQueries, *, fallback: float = 0.25
) -> RetrievalParams:
    """The full-text weight per kind of query with the best mean nDCG@10; ties take the larger weight.

    A kind with fewer than ten queries takes `fallback`: too few to choose by.
    """
    kinds = queries.kinds
    chosen: dict[str, float] = {}
    for kind in sorted(set(kinds.values()) | {"words", "words+picture"}):
        members = [key for key, own in kinds.items() if own == kind]
        if kind == "picture":
            chosen[kind] = 0.0
        elif len(members) < 10:
            chosen[kind] = fallback
        else:
            chosen[kind] = _best_weight(vector, lexical, queries, members=members)
    return RetrievalParams(lexical_weight=chosen)


def _best_weight(
    vector: Rankings, lexical: Rankings, queries: JudgedQueries, *, members: Sequence[str]
) -> float:
    grades = {key: queries.grades[key] for key in members}
    part = {key: vector[key] for key in members}
    figures = []
    for weight in LEXICAL_WEIGHTS:
        params = RetrievalParams(lexical_weight={"all": weight})
        blended = blend(part, lexical, dict.fromkeys(members, "all"), params)
        figures.append((round(float(np.mean(list(score(blended, grades).values()))), 4), weight))
    return max(figures)[1]


def single_branches(
    queries: JudgedQueries, items: ModalityBatch, lexical: Rankings, depth: int
) -> dict[str, Rankings]:
    """Each branch that needs no training: the encoders one by one, and full-text search."""
    branches = {
        f"{modality} only": by_encoder(modality, queries.batch, items, depth)
        for modality in (TEXT, IMAGE)
        if modality in items.vectors and modality in queries.batch.vectors
    }
    return {**branches, "bm25": lexical}
