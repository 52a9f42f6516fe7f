"""Fine-tuning: what learns, what stays, and that the same seed gives the same weights."""

from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from mmsearch_dagster.core.encoders.networks import ImageNetwork
from mmsearch_dagster.core.finetuning.augmentation import (
    Photo,
    cut_mix,
    plain_views,
    random_crop,
    readable,
    views,
)
from mmsearch_dagster.core.finetuning.fold_batchnorm import fold_frozen_norms
from mmsearch_dagster.core.finetuning.image import Epoch, finetune
from mmsearch_dagster.core.finetuning.params import FinetuneParams
from mmsearch_dagster.core.finetuning.watch import Watch
from tests.tiny_networks import MEAN, STD, coloured, reader, tiny_network

pytestmark = pytest.mark.slow

PHOTOS = [Photo(n % 3, reader(coloured(n % 3, n))) for n in range(24)]
UNSEEN = [Photo(n % 3, reader(coloured(n % 3, 1000 + n))) for n in range(9)]
PARAMS = FinetuneParams(
    epochs=3, batch=8, stages=2, sizes=(32,), encode_size=32, encode_crop=1.0, average=0.5, mix=0.5,
    learning_rate=2e-3, head_rate=2e-2, colour=0.1, drop=0.0,
)  # fmt: skip


def tuned(params: FinetuneParams = PARAMS, **more: Any) -> tuple[dict[str, torch.Tensor], tuple[Epoch, ...]]:
    network = ImageNetwork(tiny_network(), MEAN, STD).eval()
    return finetune(network, PHOTOS, UNSEEN, params, width=256, **more)


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@pytest.fixture(scope="module")
def calm() -> tuple[dict[str, torch.Tensor], tuple[Epoch, ...]]:
    return tuned()


class TestFolding:
    def test_a_folded_network_answers_as_before(self) -> None:
        network, pixels = tiny_network(), torch.rand(2, 3, 48, 48)
        with torch.no_grad():
            before = network(pixels)
            assert fold_frozen_norms(network) > 5
            after = network(pixels)
        assert torch.allclose(before, after, atol=1e-4)

    def test_its_gradients_are_those_of_the_network_with_normalisations(self) -> None:
        plain, folded, pixels = tiny_network(), tiny_network(), torch.rand(2, 3, 32, 32)
        names = dict(folded.named_parameters())
        fold_frozen_norms(folded)
        for network in (plain, folded):
            network(pixels).square().sum().backward()
        for name, parameter in plain.named_parameters():
            expected, found = parameter.grad, names[name].grad
            assert expected is not None
            assert found is not None
            assert torch.allclose(expected, found, atol=1e-4 + 1e-3 * float(expected.abs().max())), name


class TestTraining:
    def test_it_learns_to_tell_unseen_photos_apart(self, calm: Any) -> None:
        _, curve = tuned(PARAMS.model_copy(update={"epochs": 6, "mix": 0.0}))
        assert curve[-1].loss < curve[0].loss
        assert curve[-1].held_out is not None
        assert curve[-1].held_out > 0.8

    def test_only_the_last_stages_learn_and_statistics_stay(self, calm: Any) -> None:
        state, _ = calm
        before = tiny_network().state_dict()
        assert state.keys() == before.keys()
        changed = {name for name in before if not torch.equal(before[name], state[name])}
        assert "conv_head.weight" in changed
        assert not {name for name in changed if name.startswith(("conv_stem", "blocks.0", "blocks.1"))}
        assert not {name for name in changed if "running" in name}

    def test_the_same_seed_gives_the_same_weights_and_another_one_others(self, calm: Any) -> None:
        assert same(tuned()[0], calm[0])
        assert not same(tuned(PARAMS.model_copy(update={"seed": 8}))[0], calm[0])

    def test_killed_and_started_again_it_ends_in_the_same_weights(self, calm: Any, tmp_path: Path) -> None:
        checkpoint = tmp_path / "one.checkpoint"

        def killed_in_the_third(count: int) -> None:
            nonlocal batches
            batches += 1
            if batches == 7:
                raise KeyboardInterrupt

        batches = 0
        with pytest.raises(KeyboardInterrupt):
            tuned(watch=Watch(batch=killed_in_the_third), checkpoint=checkpoint)
        seen: list[Epoch] = []
        state, curve = tuned(watch=Watch(epoch=seen.append), checkpoint=checkpoint)

        assert [one.epoch for one in seen] == [2]
        assert curve == calm[1]
        assert same(state, calm[0])

    def test_the_callers_random_numbers_are_left_alone(self) -> None:
        torch.manual_seed(3)
        expected = torch.rand(2)
        network = ImageNetwork(tiny_network(), MEAN, STD).eval()
        torch.manual_seed(3)
        finetune(network, PHOTOS, [], PARAMS.model_copy(update={"epochs": 1}), width=256)
        assert torch.equal(torch.rand(2), expected)

    def test_fewer_photos_than_a_batch_are_enough(self) -> None:
        network = ImageNetwork(tiny_network(), MEAN, STD).eval()
        params = PARAMS.model_copy(update={"batch": 64, "epochs": 1})
        _, curve = finetune(network, PHOTOS[:5], [], params, width=256)
        assert curve[0].held_out is None


class TestViews:
    def test_a_view_depends_on_its_own_seed_alone(self) -> None:
        first, second = views(PHOTOS[:2], PARAMS, 32, [5, 6])
        (alone,) = views(PHOTOS[1:2], PARAMS, 32, [6])
        (other,) = views(PHOTOS[1:2], PARAMS, 32, [7])
        assert first.shape == (32, 32, 3)
        assert torch.equal(second, alone)
        assert not torch.equal(second, other)

    def test_plain_views_have_the_encoders_size(self) -> None:
        (view,) = plain_views(PHOTOS[:1], PARAMS.model_copy(update={"encode_size": 48}))
        assert view.shape == (48, 48, 3)

    def test_broken_files_are_noticed(self) -> None:
        whole = coloured(0, 1)
        assert readable([reader(whole), reader(whole[:-40]), reader(b""), reader(b"words")]) == [
            True, False, False, False,
        ]  # fmt: skip

    @given(st.integers(1, 3000), st.integers(1, 3000), st.floats(0.01, 1.0), st.integers(0, 2**32))
    def test_a_crop_lies_inside_its_picture(self, width: int, height: int, least: float, seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        top, left, down, across = random_crop((width, height), least, generator)
        assert down > 0
        assert across > 0
        assert 0 <= top <= height - down
        assert 0 <= left <= width - across

    @given(st.integers(0, 2**32))
    def test_the_share_of_labels_is_the_share_of_pixels(self, seed: int) -> None:
        pixels = torch.arange(4, dtype=torch.uint8).view(4, 1, 1, 1).expand(4, 16, 16, 3)
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            mixed, other, share = cut_mix(pixels, torch.arange(4), 1.0)
        for row in range(4):
            own = (mixed[row, :, :, 0] == row).float().mean()
            assert float(own) == pytest.approx(1.0 if other[row] == row else share)


class TestParams:
    @pytest.mark.parametrize(
        "wrong",
        [{"epochs": 0}, {"sizes": (8,)}, {"sizes": ()}, {"encode_crop": 1.5}, {"colour": -1}, {"x": 1}],
    )
    def test_what_is_out_of_bounds_is_refused(self, wrong: dict[str, Any]) -> None:
        with pytest.raises(ValidationError):
            FinetuneParams(**wrong)

    @given(st.integers(1, 30), st.integers(1, 5))
    def test_sizes_follow_each_other_and_the_last_epoch_has_the_last(self, epochs: int, count: int) -> None:
        sizes = tuple(64 + 32 * n for n in range(count))
        params = FinetuneParams(epochs=epochs, sizes=sizes)
        shown = [params.size_at(epoch) for epoch in range(epochs)]
        assert shown == sorted(shown)
        assert shown[-1] == sizes[-1] or epochs < count
