"""Small random batches, and a catalogue whose queries are a noisy linear map of its items."""

from collections.abc import Mapping

import numpy as np
from scipy.sparse import csr_matrix

from mmsearch_dagster.core.fusion.config import FusionSpec, Strategy
from mmsearch_dagster.core.fusion.dataset import Examples, Judged
from mmsearch_dagster.core.labels.provenance import JUDGED
from mmsearch_dagster.core.modalities import IMAGE, TEXT, ModalityBatch

WIDTHS = {TEXT: 6, IMAGE: 5}


def random_batch(
    rows: int, seed: int, widths: Mapping[str, int] = WIDTHS, share: float = 1.0
) -> ModalityBatch:
    """Each modality of each row is present with the chance `share`; masked rows hold zeros."""
    rng = np.random.default_rng(seed)
    present = {name: rng.random(rows) < share for name in widths}
    vectors = {
        name: (rng.normal(size=(rows, width)) * present[name][:, None]).astype(np.float32)
        for name, width in widths.items()
    }
    return ModalityBatch(tuple(f"p{row}" for row in range(rows)), vectors, present)


def small_spec(strategy: Strategy = "concat", width: int = 8) -> FusionSpec:
    return FusionSpec(
        strategy=strategy, item_widths=dict(WIDTHS), query_widths=dict(WIDTHS), width=width, hidden=4
    )


def rotated_catalogue(items: int = 40, width: int = 16, seed: int = 3) -> Examples:
    """Query = item times a fixed random matrix plus noise, so untrained towers cannot match them."""
    rng = np.random.default_rng(seed)
    content = rng.normal(size=(items, width)).astype(np.float32)
    turn = rng.normal(size=(width, width)) / np.sqrt(width)
    ids = tuple(f"p{row}" for row in range(items))

    def asked(name: str, times: int) -> Judged:
        wanted = np.repeat(np.arange(items), times)
        heard = content[wanted] @ turn + rng.normal(size=(len(wanted), width)) * 0.1
        queries = ModalityBatch(
            tuple(f"{name}{row}" for row in range(len(wanted))),
            {TEXT: heard.astype(np.float32)},
            {TEXT: np.ones(len(wanted), bool)},
        )
        grades = csr_matrix(
            (np.full(len(wanted), 3, np.float32), (np.arange(len(wanted)), wanted)),
            shape=(len(wanted), items),
        )
        return Judged(queries, grades, np.full(len(wanted), JUDGED))

    catalogue = ModalityBatch(ids, {TEXT: content}, {TEXT: np.ones(items, bool)})
    return Examples(catalogue, asked("train", 3), asked("dev", 1))


def judged(provenances: list[str], items: int = 30, seed: int = 0) -> Judged:
    """Queries of the given provenances with a few random grades."""
    rng = np.random.default_rng(seed)
    grades = rng.integers(0, 4, size=(len(provenances), items)) * (
        rng.random((len(provenances), items)) < 0.2
    )
    return Judged(
        random_batch(len(provenances), seed),
        csr_matrix(grades.astype(np.float32)),
        np.array(provenances, dtype=str),
    )
