"""A vector index chosen by measurement, never by default: it must find what exact search finds, faster."""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from mmsearch_dagster.adapters.index.table import EXACT_ROWS, Hit, PinnedTable
from mmsearch_dagster.adapters.index.vector_index_params import VectorIndexParams
from mmsearch_dagster.core.modalities import Matrix
from mmsearch_dagster.core.retrieval.nearest import SCORE_DECIMALS, recall_against_exact, unit_rows
from mmsearch_dagster.core.retrieval.rank_fusion import VECTOR

REQUIRED_RECALL = 0.98
RECALL_AT = 10
_PROBE_QUERIES = 100
_PROBE_SHARES = (0.125, 0.5, 1.0)
_INDEX_NAME = "vector_idx"


def choose_vector_index(table: Any, exact_rows: int = EXACT_ROWS) -> VectorIndexParams:
    """Build candidates on the newest version, keep the first that is as good and faster, or none.

    None is built where readers compare every vector in memory: recall is 1 and an index would not be used.
    What is kept is written into the metadata of the vector field, where a reader finds its settings.
    """
    pinned = PinnedTable(table, exact_rows=exact_rows)
    if pinned.held_in_memory:
        return VectorIndexParams()
    vectors = pinned.compared().unit_vectors
    probes = probe_queries(vectors)
    exact_seconds = _median_seconds(pinned, probes, VectorIndexParams())
    partitions = max(1, round(math.sqrt(len(vectors))))
    for kind, refine in (("ivf_sq", 3), ("ivf_flat", 0)):
        table.create_index(VECTOR, config=_config(kind, partitions), name=_INDEX_NAME, replace=True)
        for params in _settings(kind, refine, partitions):
            recall = measured_recall(pinned, probes, params)
            if recall >= REQUIRED_RECALL and _median_seconds(pinned, probes, params) < exact_seconds:
                chosen = replace(params, recall=recall)
                table.update_field_metadata({"path": VECTOR, "metadata": chosen.metadata()})
                return chosen
    table.drop_index(_INDEX_NAME)
    return VectorIndexParams()


def probe_queries(vectors: Matrix) -> Matrix:
    """Queries between two items each: near the data as real queries are, but equal to no item.

    Args:
        vectors: item vectors, float32 [n, width].

    Returns:
        Unit rows, float32 [q, width].
    """
    generator = np.random.default_rng(0)
    pairs = generator.integers(0, len(vectors), size=(min(_PROBE_QUERIES, len(vectors)), 2))
    return unit_rows(vectors[pairs[:, 0]] + vectors[pairs[:, 1]] * np.float32(0.5))


def measured_recall(pinned: PinnedTable, queries: Matrix, params: VectorIndexParams) -> float:
    """Recall@RECALL_AT of LanceDB's answers against exact search; neighbours that tie all count.

    Args:
        pinned: the table to search.
        queries: float32 [q, width].
        params: parameters of the vector index.

    Returns:
        0 to 1.
    """
    answers = [
        [hit.product_id for hit in pinned.nearest_in_table(query, RECALL_AT, params=params)]
        for query in queries
    ]
    return recall_against_exact(answers, [list(ids) for ids in _exact(pinned, queries)], RECALL_AT)


def _exact(pinned: PinnedTable, queries: Matrix) -> Iterator[list[str]]:
    tolerance = 2 * 10.0**-SCORE_DECIMALS
    for hits in pinned.compared().nearest(queries, RECALL_AT * 5):
        kth = hits[:RECALL_AT][-1][1]
        yield [product_id for product_id, score in hits if score >= kth - tolerance]


def _median_seconds(pinned: PinnedTable, queries: Matrix, params: VectorIndexParams) -> float:
    ask: Callable[[Matrix], list[Hit]] = lambda q: pinned.nearest_in_table(q, RECALL_AT, params=params)  # noqa: E731
    ask(queries[0])  # the first one reads from disk
    seconds = []
    for query in queries[:30]:
        start = time.perf_counter()
        ask(query)
        seconds.append(time.perf_counter() - start)
    return float(np.median(seconds))


def _settings(kind: str, refine: int, partitions: int) -> Iterator[VectorIndexParams]:
    for share in _PROBE_SHARES:
        yield VectorIndexParams(kind, probes=max(1, round(share * partitions)), refine=refine)


def _config(kind: str, partitions: int) -> Any:
    from lancedb.index import IvfFlat, IvfSq

    make = {"ivf_sq": IvfSq, "ivf_flat": IvfFlat}[kind]
    return make(distance_type="cosine", num_partitions=partitions)
