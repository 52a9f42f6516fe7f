"""Checks of an index version before any pointer moves to it: rows, norms, recall."""

from collections.abc import Sequence

import numpy as np

from mmsearch_dagster.adapters.index.ann import RECALL_AT, REQUIRED_RECALL, measured_recall, probe_queries
from mmsearch_dagster.adapters.index.golden_checks import IndexCheck, check_golden
from mmsearch_dagster.adapters.index.table import PinnedTable
from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.gate.golden_queries import GoldenQuery
from mmsearch_dagster.core.release import IndexPin
from mmsearch_dagster.core.retrieval.rank_fusion import VECTOR

_GOLDEN_SAMPLE = 25
_GOLDEN_SHARE = 0.9
_UNIT_TOLERANCE = 1e-3
_ITSELF = 1.0 - 1e-4


def check_index(
    pinned: PinnedTable,
    pin: IndexPin,
    product_ids: Sequence[str],
    *,
    reviewed: Sequence[GoldenQuery] = (),
    measured: Sequence[GoldenQuery] = (),
) -> list[IndexCheck]:
    """All checks of one version; `SearchIndex.check` says what is checked."""
    chosen = _sample(sorted(product_ids))
    checks = [_row_parity(pinned, pin, product_ids), _golden_words(pinned, chosen)]
    checks += check_golden(pinned, reviewed, measured)
    if VECTOR in pinned.vector_columns:
        checks += [_unit_norms(pinned), _ann_recall(pinned), _golden_vectors(pinned, chosen)]
    return checks


def _sample(ids: list[str]) -> list[str]:
    step = max(1, len(ids) // _GOLDEN_SAMPLE)
    return ids[::step][:_GOLDEN_SAMPLE]


def _row_parity(pinned: PinnedTable, pin: IndexPin, product_ids: Sequence[str]) -> IndexCheck:
    indexed = pinned.product_ids
    missing, surplus = len(set(product_ids) - indexed), len(indexed - set(product_ids))
    same = missing == surplus == 0 and pin.rows == pinned.row_count == len(product_ids)
    metrics = {"rows": pinned.row_count, "expected": len(product_ids), "missing": missing, "surplus": surplus}
    return IndexCheck("row_parity", same, metrics)


def _unit_norms(pinned: PinnedTable) -> IndexCheck:
    ids, vectors = pinned.matrix()
    worst = float(np.abs(np.linalg.norm(vectors, axis=1) - 1.0).max(initial=0.0))
    without = pinned.row_count - len(set(ids))
    return IndexCheck("unit_norms", worst <= _UNIT_TOLERANCE, {"worst": worst, "without_vector": without})


def _ann_recall(pinned: PinnedTable) -> IndexCheck:
    """Without a vector index every row is compared, so nothing can be missed."""
    if pinned.index_params.kind == "none":
        metrics = {f"recall_at_{RECALL_AT}": 1.0, "required": REQUIRED_RECALL, "queries": 0}
        return IndexCheck("ann_recall", True, metrics)
    queries = probe_queries(pinned.compared().unit_vectors)
    recall = measured_recall(pinned, queries, pinned.index_params)
    metrics = {f"recall_at_{RECALL_AT}": recall, "required": REQUIRED_RECALL, "queries": len(queries)}
    return IndexCheck("ann_recall", recall >= REQUIRED_RECALL, metrics)


def _golden_words(pinned: PinnedTable, golden: Sequence[str]) -> IndexCheck:
    """A title finds its product, or one of the same title, among the first ten.

    A product without a title, or whose title is stop words only, asks nothing.
    """
    payload = pinned.rows(golden)
    titles = {i: payload.get(i, {}).get(col.TITLE) or "" for i in golden}
    title_of = {i: title for i, title in titles.items() if pinned.words_of(title)}
    answers = pinned.lexical_batch(list(title_of.values()), RECALL_AT)
    hit_count = 0
    for title, hits in zip(title_of.values(), answers, strict=True):
        names = pinned.rows([hit.product_id for hit in hits])
        hit_count += any(row.get(col.TITLE) == title for row in names.values())
    return _golden("golden_words", hit_count, len(title_of), len(payload) == len(set(golden)))


def _golden_vectors(pinned: PinnedTable, golden: Sequence[str]) -> IndexCheck:
    """A product's own vector finds it first, or one of the same vector."""
    ids, vectors = pinned.matrix()
    row_of = {product_id: row for row, product_id in enumerate(ids)}
    rows = [row_of[i] for i in golden if i in row_of]
    hit_count = 0
    for row in rows:
        hits = pinned.nearest_in_table(vectors[row], 1)
        hit_count += bool(hits) and hits[0].score >= _ITSELF
    return _golden("golden_vectors", hit_count, len(rows), True)


def _golden(name: str, hit_count: int, query_count: int, complete: bool) -> IndexCheck:
    passed = complete and hit_count >= _GOLDEN_SHARE * query_count
    return IndexCheck(
        name, passed, {"found": hit_count, "asked": query_count, "required_share": _GOLDEN_SHARE}
    )
