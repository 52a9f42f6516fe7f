"""Judged queries whose one right answer is `right`."""

import numpy as np

from mmsearch_dagster.core.evaluation.judged_queries import JudgedQueries, Rankings
from mmsearch_dagster.core.modalities import IMAGE, TEXT, ModalityBatch
from mmsearch_dagster.core.retrieval.rank_fusion import query_kind


def queries(count: int, *, words: bool = True, picture: bool = False) -> JudgedQueries:
    ids = tuple(f"q{row}" for row in range(count))
    present = {TEXT: np.full(count, words), IMAGE: np.full(count, picture)}
    batch = ModalityBatch(
        ids, {TEXT: np.ones((count, 2), np.float32), IMAGE: np.ones((count, 3), np.float32)}, present
    )
    texts = tuple("words" if words else None for _ in ids)
    kinds = dict.fromkeys(ids, query_kind(words=words, image=picture))
    return JudgedQueries(batch, texts, ("judged",) * count, {key: {"right": 3} for key in ids}, kinds)


def rankings(asked: JudgedQueries, *found: str) -> Rankings:
    return {key: list(found) for key in asked.batch.ids}
