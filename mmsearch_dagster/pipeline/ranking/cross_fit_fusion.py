"""Cross-fitting of the fusion model for `ranking`: what it finds for queries that it did not learn from.

A model knows its own training queries too well: a ranker that saw those lists would trust the fused vector
more than it deserves. So the queries are cut into folds, and each fold is answered by a model trained on the
others.
"""

from collections.abc import Mapping
from functools import partial

import numpy as np

from mmsearch_dagster.adapters.host.process_pool import map_in_processes
from mmsearch_dagster.adapters.lake.snapshots import Snapshot
from mmsearch_dagster.core.evaluation.judged_queries import ScoredRankings
from mmsearch_dagster.core.fusion.config import Strategy, TrainParams
from mmsearch_dagster.core.ranking.cross_fit import folds_of
from mmsearch_dagster.core.retrieval.nearest import ProductVectors
from mmsearch_dagster.pipeline.training.candidates import training_processes
from mmsearch_dagster.pipeline.training.hyper_parameters import params_of
from mmsearch_dagster.pipeline.training.queries import TRAIN
from mmsearch_dagster.pipeline.training.stored_examples import read_examples
from mmsearch_dagster.pipeline.workspace import Workspace

# More folds learn from more queries each, and take longer: each is a training.
FOLDS = 3


def fused_lists(
    workspace: Workspace,
    source: Snapshot,
    strategy: Strategy,
    texts: Mapping[str, str | None],
    *,
    allowed: Mapping[str, frozenset[str]],
    depth: int,
) -> ScoredRankings:
    """Trains FOLDS models and lets each answer the queries that it did not learn from.

    Args:
        workspace: for its training parameters and progress.
        source: training examples.
        strategy: of fusion.
        texts: training query id -> its words; nearly equal queries share a fold.
        allowed: query id -> the products that pass the filters in its words; only of queries with some.
        depth: products per query.

    Returns:
        Query id -> products with cosines, best first.
    """
    fold_of = folds_of(texts, folds=FOLDS, seed=workspace.preset.train.seed)
    held = [[key for key, fold in fold_of.items() if fold == number] for number in range(FOLDS)]
    params = params_of(workspace, strategy, source)
    stage = "train without each fold"
    workspace.progress.start(stage, FOLDS)
    work = partial(_answer_fold, source, strategy, params, allowed, depth)
    parts = map_in_processes(
        work, [part for part in held if part], processes=training_processes(workspace, source)
    )
    workspace.progress.advance(stage, FOLDS)
    workspace.progress.finish(stage)
    return {key: entries for part in parts for key, entries in part.items()}


def _answer_fold(
    source: Snapshot,
    strategy: Strategy,
    params: TrainParams,
    allowed: Mapping[str, frozenset[str]],
    depth: int,
    held: list[str],
) -> ScoredRankings:
    from mmsearch_dagster.adapters.lake.batches import load_queries
    from mmsearch_dagster.core.fusion.dataset import Examples
    from mmsearch_dagster.core.fusion.training import train

    read, queries, outside = read_examples(source), load_queries(source.folder, TRAIN), set(held)
    kept = np.array([row for row, key in enumerate(queries.batch.ids) if key not in outside], dtype=np.int64)
    rows = [row for row, key in enumerate(queries.batch.ids) if key in outside]
    model = train(strategy, Examples(read.items, read.train.take(kept), read.dev, read.frames), params).model
    batch = queries.batch.take(rows)
    products = ProductVectors.of(read.items.ids, model.items(read.items))
    vectors = model.queries(batch)
    answers = dict(zip(batch.ids, products.nearest(vectors, depth), strict=True))
    filtered = [row for row, key in enumerate(batch.ids) if key in allowed]
    for row, entries in zip(filtered, products.nearest(vectors[filtered], len(products.ids)), strict=True):
        passing = allowed[batch.ids[row]]
        answers[batch.ids[row]] = [entry for entry in entries if entry[0] in passing][:depth]
    return answers
