"""What says nothing about the queries starts with little weight."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmsearch_dagster.core.fusion.config import STRATEGIES, FusionSpec, Strategy, TrainParams
from mmsearch_dagster.core.fusion.dataset import Examples
from mmsearch_dagster.core.fusion.initialization import initialise
from mmsearch_dagster.core.fusion.modality_weights import fit_modality_weights, ndcg
from mmsearch_dagster.core.fusion.model import TwoTower
from mmsearch_dagster.core.fusion.training import mean_ndcg
from mmsearch_dagster.core.labels.provenance import JUDGED
from mmsearch_dagster.core.modalities import AUDIO, TEXT, ModalityBatch
from tests.core.fusion.toy import judged, rotated_catalogue

PARAMS = TrainParams(width=32)


def noisy() -> Examples:
    """Queries repeat their product's text; every product also has a sound that is pure noise."""
    calm = rotated_catalogue(items=60)
    rng = np.random.default_rng(1)
    words = calm.items.vectors[TEXT]
    both = {TEXT: words, AUDIO: rng.normal(size=words.shape).astype(np.float32)}
    items = ModalityBatch(calm.items.ids, both, {name: np.ones(60, bool) for name in both})
    asked = calm.train.queries
    wanted = np.asarray(calm.train.grades.argmax(axis=1)).ravel()
    heard = words[wanted] + rng.normal(size=(len(asked), words.shape[1])).astype(np.float32)
    queries = ModalityBatch(asked.ids, {TEXT: heard}, {TEXT: np.ones(len(asked), bool)})
    train = replace(calm.train, queries=queries)
    return Examples(items, train, train)


NOISY = noisy()


def untrained(strategy: Strategy) -> TwoTower:
    widths = NOISY.items.widths
    spec = FusionSpec(strategy=strategy, item_widths=widths, query_widths={TEXT: widths[TEXT]}, width=32)
    model = TwoTower(spec)
    initialise(model, NOISY.items)
    return model


def quality(model: TwoTower) -> float:
    return mean_ndcg(model.queries(NOISY.dev.queries), model.items(NOISY.items), NOISY.dev)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_noise_is_turned_down_whatever_the_strategy(strategy: Strategy) -> None:
    model = untrained(strategy)
    before = quality(model)
    fit_modality_weights(model, NOISY, PARAMS)
    mean = model.item_tower.fuse if strategy == "weighted" else model.item_tower.fuse.mean
    sound, words = mean.logits.tolist()
    assert sound < words
    assert quality(model) > before + 0.02
    assert all(p.requires_grad for p in model.parameters())


def test_without_queries_everything_counts_the_same() -> None:
    silent = replace(NOISY, train=NOISY.train.take(np.array([], dtype=np.int64)))
    model = untrained("weighted")
    fit_modality_weights(model, silent, PARAMS)
    assert model.item_tower.fuse.logits.tolist() == [0.0, 0.0]


def test_a_weight_that_gains_nothing_stays_as_it_is() -> None:
    model = untrained("weighted")
    ungraded = replace(NOISY, train=replace(NOISY.train, grades=NOISY.train.grades * 0))
    fit_modality_weights(model, ungraded, PARAMS)
    assert model.item_tower.fuse.logits.tolist() == [0.0, 0.0]


@given(seed=st.integers(0, 500))
@settings(deadline=None, max_examples=15)
def test_the_measure_is_that_of_the_training_loop(seed: int) -> None:
    rng = np.random.default_rng(seed)
    asked = judged([JUDGED] * 5, seed=seed)
    queries, items = (rng.normal(size=(n, 3)).astype(np.float32) for n in (5, 30))
    gains = 2.0 ** torch.from_numpy(asked.grades.toarray()) - 1
    value = ndcg(torch.from_numpy(queries @ items.T), gains)
    assert value == pytest.approx(mean_ndcg(queries, items, asked), abs=1e-5)
