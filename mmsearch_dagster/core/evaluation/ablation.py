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
WHOLE = "all modalities"
WITHOUT = "one left out"
STRATEGY = "strategy"
LOSS = "loss"


@dataclass(frozen=True)
class AblationTrial:
    """One training: which modalities, how fused, by which loss."""

    group: str
    name: str
    modalities: tuple[str, ...]
    strategy: Strategy
    loss: Loss


def trials(
    modalities: Sequence[str], strategy: Strategy, loss: Loss, strategies: Sequence[Strategy] = STRATEGIES
) -> Iterator[AblationTrial]:
    """Every training of the report, each different one once; the first is the whole.

    Only what people can ask with can answer alone; a pair needs one such modality.
    """
    whole = tuple(sorted(modalities))
    yield AblationTrial(WHOLE, f"{strategy}, {loss}", whole, strategy, loss)
    for group, name, subset in _subsets(whole):
        yield AblationTrial(group, name, subset, strategy, loss)
    yield from (
        AblationTrial(STRATEGY, other, whole, other, loss) for other in strategies if other != strategy
    )
    yield from (
        AblationTrial(LOSS, another, whole, strategy, another) for another in LOSSES if another != loss
    )


def _subsets(whole: tuple[str, ...]) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    if len(whole) > 1:
        yield from ((ALONE, name, (name,)) for name in whole if name in QUERY_MODALITIES)
    if len(whole) > 2:
        for pair in combinations(whole, 2):
            if set(pair) & set(QUERY_MODALITIES):
                yield PAIR, " + ".join(pair), pair
        for name in whole:
            yield WITHOUT, f"without {name}", tuple(other for other in whole if other != name)


def answers(
    trial: AblationTrial,
    examples: Examples,
    sets: Mapping[str, JudgedQueries],
    params: TrainParams,
    *,
    depth: int,
) -> dict[str, Rankings]:
    """Train as the trial says; what the model alone answers to each set of queries."""
    from mmsearch_dagster.core.fusion.training import train

    seen = _seen(examples, trial.modalities)
    if not set(seen.train.queries.vectors) & set(QUERY_MODALITIES):  # nobody asks with any of these
        return {name: {key: [] for key in queries.batch.ids} for name, queries in sets.items()}
    model = train(trial.strategy, seen, params.model_copy(update={"loss": trial.loss})).model
    return {
        name: by_model(model, _only(queries.batch, trial.modalities), seen.items, depth)
        for name, queries in sets.items()
    }


def _seen(examples: Examples, modalities: Sequence[str]) -> Examples:
    return Examples(
        items=_only(examples.items, modalities),
        train=_answerable(examples.train, modalities),
        dev=_answerable(examples.dev, modalities),
        frames={name: count for name, count in examples.frames.items() if name in modalities},
    )


def _answerable(judged: Judged, modalities: Sequence[str]) -> Judged:
    """The queries that still say something."""
    batch = _only(judged.queries, modalities)
    left = np.zeros(len(batch), dtype=bool)
    for mask in batch.present.values():
        left |= mask
    return replace(judged, queries=batch).take(np.flatnonzero(left))


def _only(batch: ModalityBatch, modalities: Sequence[str]) -> ModalityBatch:
    """The same rows as if the other modalities did not exist."""
    return ModalityBatch(
        batch.ids,
        {name: matrix for name, matrix in batch.vectors.items() if name in modalities},
        {name: mask for name, mask in batch.present.items() if name in modalities},
    )


def ablation_deltas(
    whole: Rankings, others: Mapping[str, Rankings], queries: JudgedQueries, *, seed: int
) -> list[dict[str, Any]]:
    """What is lost without each of `others`: whole - other, with its paired bootstrap interval.

    pays: whether the interval lies above zero; `harms` where it lies below.
    """
    mine = score(whole, queries.grades)
    keys = sorted(mine)
    rows = []
    for name, rankings in others.items():
        theirs = score(rankings, queries.grades)
        difference = paired_difference([mine[k] for k in keys], [theirs[k] for k in keys], seed=seed)
        rows.append(
            {
                "trial": name,
                METRIC: _mean(theirs),
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
