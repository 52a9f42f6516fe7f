"""Attention pooling over a video's frames: a plain mean at first, learned where that helps."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from mmsearch_dagster.core.fusion.config import FusionSpec, TrainParams
from mmsearch_dagster.core.fusion.dataset import Examples, Judged
from mmsearch_dagster.core.fusion.frame_pooling import FramePool
from mmsearch_dagster.core.fusion.initialization import initialise
from mmsearch_dagster.core.fusion.model import TwoTower, load_model, save_model
from mmsearch_dagster.core.fusion.training import mean_ndcg, train
from mmsearch_dagster.core.labels.provenance import JUDGED
from mmsearch_dagster.core.modalities import IMAGE, TEXT, VIDEO, ModalityBatch, mean_frames
from tests.core.fusion.toy import random_batch, small_spec

FRAMES, WIDTH = 3, 5
NEUTRAL = (torch.zeros(WIDTH), torch.ones(WIDTH))


def rows(*frames: list[list[float]]) -> torch.Tensor:
    return torch.tensor(frames).flatten(1)


class TestPool:
    def test_it_starts_as_the_plain_mean(self) -> None:
        x = torch.randn(4, FRAMES * WIDTH)
        expected = x.unflatten(1, (FRAMES, WIDTH)).mean(dim=1)
        assert torch.allclose(FramePool(FRAMES, WIDTH)(x, *NEUTRAL), expected, atol=1e-6)

    def test_a_frame_of_zeros_is_no_frame(self) -> None:
        x = torch.randn(2, FRAMES * WIDTH)
        x[:, -WIDTH:] = 0.0
        pool = FramePool(FRAMES, WIDTH)
        torch.nn.init.normal_(pool.score.weight)
        weights = pool.weights(x.unflatten(1, (FRAMES, WIDTH)), *NEUTRAL)
        assert (weights[:, 2] == 0).all()
        assert torch.allclose(weights.sum(dim=1), torch.ones(2))

    def test_a_video_without_a_frame_is_zero_and_has_gradients(self) -> None:
        pool = FramePool(FRAMES, WIDTH)
        pooled = pool(torch.zeros(2, FRAMES * WIDTH), *NEUTRAL)
        pooled.sum().backward()
        assert not pooled.any()
        assert all(torch.isfinite(one.grad).all() for one in pool.parameters() if one.grad is not None)

    def test_the_order_of_frames_does_not_matter(self) -> None:
        pool = FramePool(FRAMES, WIDTH)
        torch.nn.init.normal_(pool.score.weight)
        x = torch.randn(4, FRAMES, WIDTH)
        assert torch.allclose(pool(x.flatten(1), *NEUTRAL), pool(x.flip(1).flatten(1), *NEUTRAL), atol=1e-6)


def test_mean_frames_leaves_out_frames_of_zeros() -> None:
    matrix = np.array([[2, 4, 0, 0], [2, 4, 4, 0], [0, 0, 0, 0]], dtype=np.float32)
    assert mean_frames(matrix, 2).tolist() == [[2, 4], [3, 2], [0, 0]]
    assert mean_frames(matrix, 2).dtype == np.float32


def catalogue(count: int = 60, seed: int = 0) -> ModalityBatch:
    """Items whose pictures and videos come from one encoder: each frame is the picture with noise."""
    rng = np.random.default_rng(seed)
    pictures = rng.normal(size=(count, WIDTH)).astype(np.float32)
    videos = pictures[:, None] + 0.2 * rng.normal(size=(count, FRAMES, WIDTH)).astype(np.float32)
    words = (pictures @ rng.normal(size=(WIDTH, 6))).astype(np.float32)
    vectors = {TEXT: words, IMAGE: pictures, VIDEO: videos.reshape(count, -1).astype(np.float32)}
    return ModalityBatch(
        tuple(f"p{row}" for row in range(count)), vectors, {name: np.ones(count, bool) for name in vectors}
    )


def untrained(items: ModalityBatch) -> TwoTower:
    asked = {TEXT: 6, IMAGE: WIDTH}
    spec = FusionSpec(
        strategy="attention",
        item_widths=items.widths,
        query_widths=asked,
        width=12,
        hidden=4,
        frames={VIDEO: FRAMES},
    )
    model = TwoTower(spec)
    initialise(model, items)
    return model


class TestStart:
    def test_a_photo_finds_products_that_have_only_a_video(self) -> None:
        items = catalogue()
        model = untrained(items)
        found = model.queries(items.only(IMAGE)) @ model.items(items.only(VIDEO)).T
        assert (found.argmax(axis=1) == np.arange(len(items))).mean() > 0.9

    def test_videos_of_another_encoder_keep_a_map_of_their_own(self) -> None:
        items = catalogue()
        strange = np.random.default_rng(5).normal(size=items.vectors[VIDEO].shape).astype(np.float32)
        model = untrained(dataclasses.replace(items, vectors={**items.vectors, VIDEO: strange}))
        video, image = (model.item_tower.branches[name].linear.weight for name in (VIDEO, IMAGE))  # type: ignore[union-attr]
        assert not torch.allclose(video, image)  # type: ignore[arg-type]

    def test_one_frame_needs_no_pool(self) -> None:
        items = random_batch(40, 1, {TEXT: 6, VIDEO: 5})
        spec = small_spec().model_copy(update={"item_widths": items.widths, "frames": {VIDEO: 1}})
        model = TwoTower(spec)
        initialise(model, items)
        assert not any("pool" in name for name in model.state_dict())
        assert np.isfinite(model.items(items)).all()

    def test_a_shop_without_videos_has_the_same_model_as_before(self) -> None:
        assert not any("pool" in name for name in TwoTower(small_spec()).state_dict())


def test_what_is_saved_is_what_is_loaded(tmp_path: Path) -> None:
    items = catalogue()
    model = untrained(items)
    save_model(model, tmp_path)
    assert np.array_equal(load_model(tmp_path).items(items), model.items(items))


def test_a_batch_without_videos_is_read_too() -> None:
    items = catalogue()
    model = untrained(items)
    bare = ModalityBatch(items.ids, {TEXT: items.vectors[TEXT]}, {TEXT: items.present[TEXT]})
    assert np.allclose(model.items(bare), model.items(items.only(TEXT)), atol=1e-6)


@pytest.fixture(scope="module")
def distracted() -> Examples:
    """One frame of each video shows the product; the others shout something else in a common accent."""
    rng = np.random.default_rng(2)
    count, width = 60, 8
    content = rng.normal(size=(count, width)).astype(np.float32)
    content[:, 0] = 0.0
    frames = (2.0 * rng.normal(size=(count, FRAMES, width))).astype(np.float32)
    frames[..., 0] = 6.0  # the accent
    telling = rng.integers(FRAMES, size=count)
    frames[np.arange(count), telling] = content
    ids = tuple(f"p{row}" for row in range(count))
    items = ModalityBatch(ids, {VIDEO: frames.reshape(count, -1)}, {VIDEO: np.ones(count, bool)})

    def asked(times: int) -> Judged:
        from scipy.sparse import csr_matrix

        wanted = np.repeat(np.arange(count), times)
        seen = (content[wanted] + 0.1 * rng.normal(size=(len(wanted), width))).astype(np.float32)
        batch = ModalityBatch(
            tuple(f"q{row}" for row in range(len(wanted))),
            {IMAGE: seen},
            {IMAGE: np.ones(len(wanted), bool)},
        )
        grades = csr_matrix(
            (np.full(len(wanted), 3.0, np.float32), (np.arange(len(wanted)), wanted)), (len(wanted), count)
        )
        return Judged(batch, grades, np.full(len(wanted), JUDGED))

    return Examples(items, asked(4), asked(1), frames={VIDEO: FRAMES})


@pytest.mark.slow
def test_training_learns_which_frames_count(distracted: Examples) -> None:
    params = TrainParams(steps=200, evaluate_every=50, width=16, hidden=16, learning_rate=5e-3, drop=0.0)
    trained = train("weighted", distracted, params).model
    assert trained.spec.frames == {VIDEO: FRAMES}
    assert VIDEO not in trained.spec.query_widths
    averaged = distracted.items.vectors[VIDEO]
    plain = dataclasses.replace(
        distracted,
        items=ModalityBatch(
            distracted.items.ids, {VIDEO: mean_frames(averaged, FRAMES)}, distracted.items.present
        ),
        frames={},
    )
    without = train("weighted", plain, params).model
    dev = distracted.dev
    pooled = mean_ndcg(trained.queries(dev.queries), trained.items(distracted.items), dev)
    mean = mean_ndcg(without.queries(dev.queries), without.items(plain.items), dev)
    assert pooled > mean + 0.1
