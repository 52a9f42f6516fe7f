"""A query whose modalities a person weighs: each answers alone, and the answers are added up."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from mmsearch_dagster.core.modalities import AUDIO, Matrix, ModalityBatch

Tower = Callable[[ModalityBatch], Matrix]


def weighted_queries(tower: Tower, batch: ModalityBatch, weights: Sequence[Mapping[str, float]]) -> Matrix:
    """Query vectors, weighted by modality where a query asks for it.

    A row with weights is the direction of
    sum_m w_m tower(only m) + tower(only the modalities that are not named), so a larger weight turns it
    towards that modality and never away. The audio of a voice query is left out where all other modalities
    are named: its words are in the text.

    Args:
        tower: batch -> unit vectors [n, d].
        batch: `n` queries.
        weights: per row, modality -> weight above 0; an empty row is `tower(batch)`.

    Returns:
        Unit rows, float32 [n, d].
    """
    vectors = tower(batch)
    for row, row_weights in enumerate(weights):
        parts = _parts(batch, row, row_weights)
        if row_weights and len(parts) > 1:
            vectors[row] = _mixed(tower, batch.take([row]), parts)
    return vectors


def _parts(
    batch: ModalityBatch, row: int, weights: Mapping[str, float]
) -> list[tuple[tuple[str, ...], float]]:
    present = sorted(name for name, mask in batch.present.items() if mask[row])
    parts = [((name,), weights[name]) for name in present if name in weights]
    rest = tuple(name for name in present if name not in weights)
    return parts if not rest or (parts and rest == (AUDIO,)) else [*parts, (rest, 1.0)]


def _mixed(tower: Tower, query: ModalityBatch, parts: Sequence[tuple[tuple[str, ...], float]]) -> Matrix:
    """[d]. Weights are taken relative to the largest, for a request may name any number."""
    largest = max(weight for _, weight in parts)
    total = np.sum(
        [tower(query.only(*names))[0].astype(np.float64) * (weight / largest) for names, weight in parts],
        axis=0,
    )
    return (total / max(float(np.linalg.norm(total)), 1e-12)).astype(np.float32)
