"""The training examples of a snapshot, read back as the training loop takes them."""

from typing import Any

import numpy as np

from mmsearch_dagster.adapters.lake.snapshots import Snapshot
from mmsearch_dagster.core.evaluation.judged_queries import JudgedQueries
from mmsearch_dagster.core.modalities import ModalityBatch
from mmsearch_dagster.pipeline.training import examples
from mmsearch_dagster.pipeline.training.queries import DEV, TRAIN


def read_examples(source: Snapshot) -> Any:
    """The examples of a snapshot as the training loop wants them."""
    from mmsearch_dagster.adapters.lake.batches import load_queries
    from mmsearch_dagster.core.fusion.dataset import Examples

    items = examples.load_views(source)
    train, dev = (load_queries(source.folder, name) for name in (TRAIN, DEV))
    return Examples(
        items, _as_judged(train, items), _as_judged(dev, items), examples.ExamplesFacts.of(source).frames
    )


def _as_judged(queries: JudgedQueries, items: ModalityBatch) -> Any:
    """Queries with their grades as the matrix that the training loop draws from."""
    from mmsearch_dagster.core.fusion.dataset import Judged, grade_matrix

    graded = {key: {p: float(g) for p, g in grades.items()} for key, grades in queries.grades.items()}
    grades = grade_matrix(queries.batch.ids, items.ids, graded)
    return Judged(queries.batch, grades, np.array(queries.provenance, dtype=np.str_))
