"""What a text encoder is fine-tuned on: queries, the products that answer them, and what looks alike.

Letters: `n` products with a text, in rows.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mmsearch_dagster.core.labels.provenance import PROVENANCE_SHARES, Provenance
from mmsearch_dagster.core.ranking.cross_fit import folds_of, near_equal_groups

# Of a query's nearest products, so many may be its negatives.
_DEPTH = 30
# A product nearer than this share of the nearest relevant one is likely relevant too, though nobody says so
# (positive-aware mining, NV-Retriever, arXiv:2407.15831).
_NEAR_THE_POSITIVE = 0.95


@dataclass(frozen=True)
class QueryExample:
    """One query to learn from. grades: row of a product -> grade above 0. negatives: rows, nearest first."""

    text: str
    grades: Mapping[int, float]
    provenance: Provenance
    negatives: tuple[int, ...] = ()


def apart_from(texts: Sequence[str], reserved: Iterable[str]) -> list[bool]:
    """Which texts may be learned from: those that nearly equal no reserved one, through no chain of others.

    Args:
        texts: queries that could train.
        reserved: queries that measure.
    """
    measured = {f"reserved {number}": text for number, text in enumerate(dict.fromkeys(reserved))}
    groups = near_equal_groups({**{str(row): text for row, text in enumerate(texts)}, **measured})
    leaking = {key for group in groups if not measured.keys().isdisjoint(group) for key in group}
    return [str(row) not in leaking for row in range(len(texts))]


def hold_out_examples(
    examples: Sequence[QueryExample], share: float, seed: int
) -> tuple[list[QueryExample], list[QueryExample]]:
    """Parts the examples into those that train and those that measure; nearly equal queries stay together.

    Args:
        examples: all of them.
        share: of those that measure, at most a half.
        seed: of the parting.
    """
    texts = {str(row): example.text for row, example in enumerate(examples)}
    fold = folds_of(texts, folds=round(1 / share), seed=seed)
    train = [example for row, example in enumerate(examples) if fold[str(row)]]
    return train, [example for row, example in enumerate(examples) if not fold[str(row)]]


def with_negatives(example: QueryExample, cosines: NDArray[np.floating]) -> QueryExample:
    """The example with its nearest products that are not relevant.

    Args:
        example: its grades name the relevant products.
        cosines: of the query with every product, [n].
    """
    nearest_relevant = max(float(cosines[row]) for row in example.grades)
    depth = min(len(cosines), _DEPTH + len(example.grades))
    rows = np.argpartition(-cosines, depth - 1)[:depth]
    ordered = rows[np.lexsort((rows, -cosines[rows]))].tolist()
    limit = nearest_relevant * _NEAR_THE_POSITIVE if nearest_relevant > 0 else nearest_relevant
    far = [row for row in ordered if row not in example.grades and cosines[row] < limit]
    return replace(example, negatives=tuple(far[:_DEPTH]))


def epoch_order(examples: Sequence[QueryExample], positives: int, rng: np.random.Generator) -> list[int]:
    """Rows of the examples of one epoch in the order of training.

    Judged queries are worth more than logged ones, by the shares that the fusion models train with.

    Args:
        examples: all of them.
        positives: how often one may come.
        rng: draws the order.
    """
    rows: dict[Provenance, list[int]] = {}
    for row, example in enumerate(examples):
        rows.setdefault(example.provenance, []).append(row)
    draws = sum(min(positives, len(example.grades)) for example in examples)
    whole = sum(PROVENANCE_SHARES[provenance] for provenance in rows)
    order: list[int] = []
    for provenance, members in sorted(rows.items()):
        count = round(draws * PROVENANCE_SHARES[provenance] / whole)
        count = max(1, min(count, positives * len(members)))
        turns = -(-count // len(members))
        order += [int(row) for _ in range(turns) for row in rng.permutation(members)][:count]
    return [order[at] for at in rng.permutation(len(order))]


def draw_products(examples: Sequence[QueryExample], negatives: int, rng: np.random.Generator) -> list[int]:
    """Different rows of products for a step: one answer of each query, by its gain, and some negatives.

    Args:
        examples: of the step.
        negatives: per example.
        rng: draws them.
    """
    drawn: dict[int, None] = {}
    for example in examples:
        rows = sorted(example.grades)
        gains = np.exp2([example.grades[row] for row in rows]) - 1.0
        drawn[int(rng.choice(rows, p=gains / gains.sum()))] = None
        count = min(negatives, len(example.negatives))
        if count:
            drawn |= dict.fromkeys(rng.choice(example.negatives, count, replace=False).tolist())
    return list(drawn)


def grades_of(examples: Sequence[QueryExample], rows: Sequence[int]) -> NDArray[np.float32]:
    """Grades of some products.

    Args:
        examples: `q` queries.
        rows: of `p` products.

    Returns:
        float32 [q, p], 0 where nothing is judged.
    """
    grades = [[example.grades.get(row, 0.0) for row in rows] for example in examples]
    return np.array(grades, dtype=np.float32).reshape(len(examples), len(rows))
