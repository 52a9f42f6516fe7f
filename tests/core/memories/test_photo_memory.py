"""The mathematics of the photo memory, on photos drawn at random around their products."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmsearch_dagster.core.memories.photo_cross_fit import cross_fit, similar_folds
from mmsearch_dagster.core.memories.photo_fit import fit_memory, scatter_of
from mmsearch_dagster.core.memories.photo_memory import PhotoMemory
from mmsearch_dagster.core.memories.photo_space import PhotoSpace, Scatter
from mmsearch_dagster.core.memories.photos import FewestPhotos, LabelledPhotos
from mmsearch_dagster.core.retrieval.nearest import unit_rows

WIDTH = 6
NO_PICTURES = LabelledPhotos((), np.zeros((2, 0, WIDTH), dtype=np.float32))
seeds = st.integers(0, 2**32 - 1)
shrinkages = st.sampled_from([0.1, 0.3, 1.0])


def shop(seed: int, products: int = 5, each: int = 6) -> tuple[LabelledPhotos, LabelledPhotos]:
    """Photos around their products, far more scattered in the first two directions, and a picture each."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(products, WIDTH))
    noise = np.array([3.0, 3.0, 0.3, 0.3, 0.3, 0.3])
    names = [f"p{number}" for number in range(products)]
    labels = np.repeat(np.arange(products), each)
    views = centres[labels] + noise * rng.normal(size=(2, len(labels), WIDTH))
    pictures = np.repeat(centres[None] + 0.5, 2, axis=0)
    return (
        LabelledPhotos(tuple(names[label] for label in labels), views.astype(np.float32)),
        LabelledPhotos(tuple(names), pictures.astype(np.float32)),
    )


@given(seeds)
def test_with_shrinkage_1_the_space_turns_nothing_and_stretches_nothing(seed: int) -> None:
    photos, _ = shop(seed)
    space = PhotoSpace.of(scatter_of(photos), 1.0)
    assert np.allclose(space.whitening, np.eye(WIDTH), atol=1e-5)


@given(seeds)
def test_with_little_shrinkage_photos_of_a_product_differ_alike_in_every_direction(seed: int) -> None:
    photos, _ = shop(seed)
    scatter = scatter_of(photos)
    whitening = PhotoSpace.of(scatter, 0.001).whitening.astype(np.float64)
    spread = np.linalg.eigvalsh(whitening.T @ scatter.within @ whitening)
    assert spread.max() / spread.min() < 1.2


@settings(max_examples=30)
@given(seeds, shrinkages)
def test_the_order_of_the_photos_does_not_matter(seed: int, shrinkage: float) -> None:
    photos, pictures = shop(seed)
    shuffled = photos.take(np.random.default_rng(seed).permutation(len(photos)))
    one, other = (fit_memory(part, pictures, shrinkage) for part in (photos, shuffled))
    assert one.ids == other.ids
    assert np.allclose(one.keys, other.keys, atol=1e-4)
    assert np.allclose(one.scale, other.scale, atol=1e-4)


@settings(max_examples=30)
@given(seeds, shrinkages)
def test_turning_all_vectors_changes_no_ranking(seed: int, shrinkage: float) -> None:
    photos, pictures = shop(seed)
    turn = np.linalg.qr(np.random.default_rng(seed).normal(size=(WIDTH, WIDTH)))[0].astype(np.float32)
    turned, turned_pictures = (LabelledPhotos(p.products, p.views @ turn) for p in (photos, pictures))
    scores = fit_memory(photos, pictures, shrinkage).nearest(photos.views[:, :4], 5)
    other = fit_memory(turned, turned_pictures, shrinkage).nearest(turned.views[:, :4], 5)
    for mine, theirs in zip(scores, other, strict=True):
        assert dict(mine) == pytest.approx(dict(theirs), abs=1e-2)


def test_directions_in_which_photos_of_a_product_differ_count_little() -> None:
    photos, pictures = shop(3, products=12, each=20)
    noise = np.array([3.0, 3.0, 0.3, 0.3, 0.3, 0.3])
    products = pictures.products * 30
    centres = np.tile(pictures.views[:1] - 0.5, (1, 30, 1))
    new = (centres + noise * np.random.default_rng(4).normal(size=centres.shape)).astype(np.float32)

    def first_places(shrinkage: float) -> int:
        ranked = fit_memory(photos, pictures, shrinkage).nearest(new, 1)
        return sum(hits[0][0] == product for hits, product in zip(ranked, products, strict=True))

    assert first_places(0.1) > first_places(1.0) + 20


def test_a_covariance_without_full_rank_is_no_obstacle() -> None:
    rows = np.eye(4, 40, dtype=np.float32)
    space = PhotoSpace.of(Scatter.of(rows, np.array([0, 0, 1, 1])), 0.0)
    assert np.isfinite(space.of_rows(rows)).all()


def test_one_photo_per_product_is_compared_as_it_is() -> None:
    photos = LabelledPhotos(("a", "b"), np.eye(2, WIDTH, dtype=np.float32)[None])
    memory = fit_memory(photos, NO_PICTURES, 0.3)
    assert np.array_equal(memory.space.whitening, np.eye(WIDTH, dtype=np.float32))
    assert [hits[0][0] for hits in memory.nearest(photos.views, 1)] == ["a", "b"]


def test_a_product_without_photos_is_found_by_its_picture() -> None:
    photos, pictures = shop(5, products=8, each=10)
    seen = photos.take([row for row, product in enumerate(photos.products) if product != "p3"])
    memory = fit_memory(seen, pictures, 0.3)
    query = pictures.views[:, [3]]
    assert memory.photos[memory.ids.index("p3")] == 0
    assert memory.nearest(query, 1)[0][0][0] == "p3"


def test_a_product_that_came_later_is_known_by_its_picture() -> None:
    photos, pictures = shop(5, products=8, each=10)
    seen = photos.take([row for row, product in enumerate(photos.products) if product != "p3"])
    before = pictures.take([row for row, product in enumerate(pictures.products) if product != "p3"])
    memory = fit_memory(seen, before, 0.3).with_pictures(pictures.products, pictures.views[0])
    fitted_with_it = fit_memory(seen, pictures, 0.3)
    assert memory.ids == fitted_with_it.ids
    assert np.allclose(memory.keys, fitted_with_it.keys, atol=1e-4)
    assert np.allclose(memory.offset, fitted_with_it.offset, atol=1e-4)
    assert np.allclose(memory.scale, fitted_with_it.scale, atol=1e-4)


def test_the_same_photo_twice_changes_no_key_of_its_product() -> None:
    photos = LabelledPhotos(("a", "b"), np.eye(2, WIDTH, dtype=np.float32)[None])
    twice = photos.take([0, 0, 1])
    one, other = (fit_memory(part, NO_PICTURES, 1.0).space.whitening for part in (photos, twice))
    assert np.array_equal(one, other)


def test_only_the_products_that_pass_a_filter_are_named() -> None:
    photos, pictures = shop(7)
    memory = fit_memory(photos, pictures, 0.3)
    hits = memory.nearest(photos.views[:, :3], 5, among={"p1", "p4", "unheard of"})
    assert [{product for product, _ in line} for line in hits] == [{"p1", "p4"}] * 3
    assert memory.nearest(photos.views[:, :3], 5, among=()) == [[], [], []]


def test_equal_scores_are_ordered_by_id() -> None:
    photos = LabelledPhotos(("b", "a"), np.ones((1, 2, WIDTH), dtype=np.float32))
    memory = fit_memory(photos, NO_PICTURES, 1.0)
    assert [product for product, _ in memory.nearest(photos.views, 2)[0]] == ["a", "b"]


def test_a_stored_memory_is_the_same_and_its_file_needs_no_pickle() -> None:
    memory = fit_memory(*shop(11), 0.3)
    content = memory.to_bytes()
    again = PhotoMemory.from_bytes(content)
    assert again.to_bytes() == content == fit_memory(*shop(11), 0.3).to_bytes()
    query = shop(12)[0].views[:, :2]
    assert again.nearest(query, 3) == memory.nearest(query, 3)


@given(seeds, st.integers(2, 5))
def test_folds_hold_like_photos_together_in_any_order(seed: int, folds: int) -> None:
    photos, _ = shop(seed)
    fold = similar_folds(photos, folds)
    order = np.random.default_rng(seed).permutation(len(photos))
    assert np.array_equal(similar_folds(photos.take(order), folds), fold[order])
    assert set(fold) == set(range(folds))


def test_near_equal_photos_share_a_fold() -> None:
    rng = np.random.default_rng(1)
    shelves = unit_rows(rng.normal(size=(4, WIDTH)))
    rows = np.repeat(shelves, 5, axis=0) + 1e-3 * rng.normal(size=(20, WIDTH)).astype(np.float32)
    fold = similar_folds(LabelledPhotos(("p",) * 20, rows[None].astype(np.float32)), 4)
    assert all(len(set(fold[shelf * 5 : shelf * 5 + 5])) == 1 for shelf in range(4))


def test_the_shrinkage_that_finds_more_held_out_photos_is_chosen() -> None:
    fitted = cross_fit(*shop(3, products=12, each=20), query_views=2)
    assert fitted.by_shrinkage[fitted.shrinkage] >= max(fitted.by_shrinkage.values()) - 0.01
    assert len(fitted.memory) == len(fitted.picture) == 240


def test_two_photos_each_of_ten_products_are_enough() -> None:
    products = [f"p{number}" for number in range(10)]
    assert FewestPhotos().enough(products * 2)
    assert not FewestPhotos().enough(products)
    assert not FewestPhotos().enough(products[:9] * 5)


def test_a_photo_of_zeros_lies_nowhere() -> None:
    space = fit_memory(*shop(2), 0.3).space
    assert not space.of_rows(np.zeros((1, WIDTH), dtype=np.float32)).any()
