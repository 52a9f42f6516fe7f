"""Fine-tuning on words: what learns, what stays, what pays, and that the same seed gives the same weights."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mmsearch_dagster.core.encoders.networks import TextNetwork, load_network
from mmsearch_dagster.core.encoders.protocol import EncoderSpec
from mmsearch_dagster.core.errors import ConfigError
from mmsearch_dagster.core.finetuning.split_text import SplitText
from mmsearch_dagster.core.finetuning.text import (
    TextEpoch,
    Texts,
    TunedText,
    finetune_text,
    pool_ndcg,
    ranking_loss,
)
from mmsearch_dagster.core.finetuning.text_examples import QueryExample
from mmsearch_dagster.core.finetuning.text_params import TextFinetuneParams
from mmsearch_dagster.core.finetuning.watch import Watch
from tests.tiny_networks import tiny_text_folder, word_pairs

pytestmark = pytest.mark.slow

PAIRS = word_pairs()
EXAMPLES = [QueryExample(query, {row: 3.0}, "judged") for row, (query, _) in enumerate(PAIRS)]
# Every colour and every thing is learned from, in other pairs than those that measure.
HELD_OUT = [example for row, example in enumerate(EXAMPLES) if (row // 6 + row % 6) % 6 == 0]
TRAIN = [example for example in EXAMPLES if example not in HELD_OUT]
PARAMS = TextFinetuneParams(
    epochs=12, batch=8, layers=2, learning_rate=5e-3, positives=1, negatives=0, patience=12, shares=(0.5, 1.0)
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_text_folder(tmp_path_factory.mktemp("tiny"))


def network_of(folder: Path) -> TextNetwork:
    network = load_network(EncoderSpec(modality="text", library="transformers", model=str(folder)), folder)
    assert isinstance(network, TextNetwork)
    return network


def texts() -> Texts:
    words = sorted({word for pair in PAIRS for text in pair for word in text.split()})
    number = {word: row for row, word in enumerate(words, start=1)}

    def tokens(text: str) -> list[int]:
        return [number[word] for word in text.split()]

    return Texts(
        {query: tokens(query) for query, _ in PAIRS}, [tokens(title) for _, title in PAIRS], range(len(PAIRS))
    )


def tuned(folder: Path, params: TextFinetuneParams = PARAMS, **more: Any) -> tuple[dict[str, Any], TunedText]:
    network = network_of(folder)
    outcome = finetune_text(network, (TRAIN, HELD_OUT), texts(), params, **more)
    return {name: tensor.clone() for name, tensor in network.backbone.state_dict().items()}, outcome


def same(left: dict[str, Any], right: dict[str, Any]) -> bool:
    return left.keys() == right.keys() and all(torch.equal(left[name], right[name]) for name in left)


@pytest.fixture(scope="module")
def calm(folder: Path) -> tuple[dict[str, Any], TunedText]:
    return tuned(folder)


class TestTraining:
    def test_it_learns_to_answer_unseen_queries(self, calm: Any) -> None:
        _, outcome = calm
        assert outcome.share > 0
        assert outcome.gain.low > 0
        assert outcome.frozen + outcome.gain.mean > 0.8
        assert outcome.curve[-1].loss < outcome.curve[0].loss

    def test_only_the_last_layers_learn(self, folder: Path, calm: Any) -> None:
        before = network_of(folder).backbone.state_dict()
        changed = {name for name in before if not torch.equal(before[name], calm[0][name])}
        assert changed
        assert {name.split(".")[2] for name in changed} == {"1", "2"}

    def test_where_nothing_is_gained_the_frozen_weights_stay(self, folder: Path) -> None:
        before = network_of(folder).backbone.state_dict()
        state, outcome = tuned(folder, PARAMS.model_copy(update={"learning_rate": 1e-9, "epochs": 1}))
        assert outcome.share == 0
        assert same(state, before)

    def test_the_training_stops_when_held_out_queries_gain_nothing(self, folder: Path) -> None:
        still = PARAMS.model_copy(update={"learning_rate": 1e-9, "patience": 2})
        assert len(tuned(folder, still)[1].curve) == 3

    def test_the_same_seed_gives_the_same_weights_and_another_one_others(
        self, folder: Path, calm: Any
    ) -> None:
        assert same(tuned(folder)[0], calm[0])
        assert not same(tuned(folder, PARAMS.model_copy(update={"seed": 8}))[0], calm[0])

    def test_killed_and_started_again_it_ends_in_the_same_weights(
        self, folder: Path, calm: Any, tmp_path: Path
    ) -> None:
        checkpoint = tmp_path / "a.checkpoint"

        def killed_in_the_third(metrics: TextEpoch) -> None:
            if metrics.epoch == 2:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            tuned(folder, watch=Watch(epoch=killed_in_the_third), checkpoint=checkpoint)
        seen: list[TextEpoch] = []
        state, outcome = tuned(folder, watch=Watch(epoch=seen.append), checkpoint=checkpoint)

        assert [epoch.epoch for epoch in seen] == list(range(2, PARAMS.epochs))
        assert outcome == calm[1]
        assert same(state, calm[0])


class TestSplit:
    @pytest.mark.parametrize("layers", [1, 3, 9])
    def test_a_network_in_two_parts_answers_as_the_whole_one(self, folder: Path, layers: int) -> None:
        whole, split = network_of(folder), SplitText(network_of(folder), layers, torch.device("cpu"))
        tokens = [[3, 4, 5], [1], [2, 3]]
        for _ in range(2):  # computed, then out of the memory
            vectors = split.vectors(tokens).detach()
            for row, text in enumerate(tokens):
                alone = whole(torch.tensor([text]), torch.ones(1, len(text), dtype=torch.long))[0].detach()
                assert torch.allclose(vectors[row], alone / alone.norm(), atol=1e-5)

    def test_a_network_without_layers_is_refused(self) -> None:
        bare = TextNetwork(torch.nn.Linear(2, 2), "mean")
        with pytest.raises(ConfigError, match="no list of layers"):
            SplitText(bare, 1, torch.device("cpu"))


class TestLoss:
    @given(st.integers(0, 2**32 - 1))
    def test_it_is_the_cross_entropy_where_each_query_has_one_answer(self, seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        queries, products = (
            torch.nn.functional.normalize(torch.randn(5, 4, generator=generator), dim=1) for _ in range(2)
        )
        expected = torch.nn.functional.cross_entropy(queries @ products.T / 0.1, torch.arange(5))
        assert torch.isclose(ranking_loss(queries, products, 3 * torch.eye(5), 0.1), expected, atol=1e-5)

    @given(st.integers(0, 2**32 - 1))
    def test_a_product_that_another_query_shares_is_no_negative(self, seed: int) -> None:
        """Both queries are answered by both products: nothing pulls one before the other."""
        generator = torch.Generator().manual_seed(seed)
        vectors = torch.nn.functional.normalize(torch.randn(2, 4, generator=generator), dim=1)
        same_products = vectors[:1].expand(2, 4)
        loss = ranking_loss(vectors, same_products, torch.full((2, 2), 3.0), 0.1)
        assert float(loss) == pytest.approx(np.log(2), abs=1e-5)

    @given(st.permutations(range(6)))
    def test_the_best_order_has_the_metric_one(self, ranks: list[int]) -> None:
        scores = np.array([ranks], dtype=np.float64)
        assert pool_ndcg(scores, scores // 2) == pytest.approx([1.0])
        assert pool_ndcg(-scores, scores // 2)[0] < 1.0
