"""What each modality, strategy and loss is worth: the same training with one thing changed at a time."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np

from mmsearch_dagster.core.evaluation.judged_queries import METRIC, JudgedQueries, Rankings, by_model, score
from mmsearch_dagster.core.fusion.config import LOSSES, STRATEGIES, Loss, Strategy, TrainParams
from mmsearch_dagster.core.fusion.dataset import Examples, Judged
from mmsearch_dagster.core.metrics.bootstrap import Difference, paired_difference
from mmsearch_dagster.core.modalities import QUERY_MODALITIES, ModalityBatch

ALONE = "one modality"
PAIR = "two modalities"
ALL_MODALITIES = "all modalities"
WITHOUT = "one left out"
STRATEGY = "strategy"
LOSS = "loss"


@dataclass(frozen=True)
class AblationVariant:
    """One training: which modalities, how fused, by which loss."""

    group: str
    name: str
    modalities: tuple[str, ...]
    strategy: Strategy
    loss: Loss


def ablation_variants(
    modalities: Sequence[str], strategy: Strategy, loss: Loss, strategies: Sequence[Strategy] = STRATEGIES
) -> Iterator[AblationVariant]:
    """Every training of the report, each different one once; the first leaves nothing out.

    Only what people can search with can answer alone; a pair needs one such modality.
    """
    every = tuple(sorted(modalities))
    yield AblationVariant(ALL_MODALITIES, f"{strategy}, {loss}", every, strategy, loss)
    for group, name, subset in _subsets(every):
        yield AblationVariant(group, name, subset, strategy, loss)
    yield from (
        AblationVariant(STRATEGY, other, every, other, loss) for other in strategies if other != strategy
    )
    yield from (
        AblationVariant(LOSS, another, every, strategy, another) for another in LOSSES if another != loss
    )


def _subsets(modalities: tuple[str, ...]) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    if len(modalities) > 1:
        yield from ((ALONE, name, (name,)) for name in modalities if name in QUERY_MODALITIES)
    if len(modalities) > 2:
        for pair in combinations(modalities, 2):
            if set(pair) & set(QUERY_MODALITIES):
                yield PAIR, " + ".join(pair), pair
        for name in modalities:
            yield WITHOUT, f"without {name}", tuple(other for other in modalities if other != name)


def rank_with(
    variant: AblationVariant,
    examples: Examples,
    sets: Mapping[str, JudgedQueries],
    params: TrainParams,
    *,
    depth: int,
) -> dict[str, Rankings]:
    """Trains the variant; what its model alone ranks for each set of queries."""
    from mmsearch_dagster.core.fusion.training import train

    visible = _restricted(examples, variant.modalities)
    if not set(visible.train.queries.vectors) & set(QUERY_MODALITIES):  # nobody searches with any of these
        return {name: {key: [] for key in queries.batch.ids} for name, queries in sets.items()}
    model = train(variant.strategy, visible, params.model_copy(update={"loss": variant.loss})).model
    return {
        name: by_model(model, _only(queries.batch, variant.modalities), visible.items, depth)
        for name, queries in sets.items()
    }


def _restricted(examples: Examples, modalities: Sequence[str]) -> Examples:
    return Examples(
        items=_only(examples.items, modalities),
        train=_with_content(examples.train, modalities),
        dev=_with_content(examples.dev, modalities),
        frames={name: count for name, count in examples.frames.items() if name in modalities},
    )


def _with_content(judged: Judged, modalities: Sequence[str]) -> Judged:
    """The queries that still have a vector."""
    batch = _only(judged.queries, modalities)
    with_vector = np.zeros(len(batch), dtype=bool)
    for mask in batch.present.values():
        with_vector |= mask
    return replace(judged, queries=batch).take(np.flatnonzero(with_vector))


def _only(batch: ModalityBatch, modalities: Sequence[str]) -> ModalityBatch:
    """The same rows as if the other modalities did not exist."""
    return ModalityBatch(
        batch.ids,
        {name: matrix for name, matrix in batch.vectors.items() if name in modalities},
        {name: mask for name, mask in batch.present.items() if name in modalities},
    )


def ablation_deltas(
    reference: Rankings, others: Mapping[str, Rankings], queries: JudgedQueries, *, seed: int
) -> list[dict[str, Any]]:
    """What is lost without each of `others`: reference - other, with its paired bootstrap interval.

    pays: whether the interval lies above zero; `harms` where it lies below.
    """
    of_reference = score(reference, queries.grades)
    keys = sorted(of_reference)
    rows = []
    for name, rankings in others.items():
        of_other = score(rankings, queries.grades)
        difference = paired_difference(
            [of_reference[k] for k in keys], [of_other[k] for k in keys], seed=seed
        )
        rows.append(
            {
                "trial": name,
                METRIC: _mean(of_other),
                "lost without": _rounded(difference),
                "verdict": verdict(difference),
            }
        )
    return rows


def verdict(difference: Difference) -> str:
    """In words what the interval allows to say."""
    if difference.low > 0:
        return "pays"
    return "harms" if difference.high < 0 else "not shown to pay"


def _mean(values: Mapping[str, float]) -> float:
    return round(sum(values.values()) / len(values), 4) if values else float("nan")


def _rounded(difference: Difference) -> str:
    return f"{difference.mean:+.4f} [{difference.low:+.4f}, {difference.high:+.4f}]"
