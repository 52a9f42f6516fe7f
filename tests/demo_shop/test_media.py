"""What can be heard and seen moving: alike within a kind, different between kinds, and some of it broken."""

import numpy as np
import pytest

from mmsearch_dagster.demo_shop.catalogue import Item
from mmsearch_dagster.demo_shop.film import filmed
from mmsearch_dagster.demo_shop.media import (
    NO_PICTURE,
    SILENT,
    film_of,
    planned_media_faults,
    sound_of,
    with_media,
)
from mmsearch_dagster.demo_shop.sound import RATE, SOUNDS, sounded, voice_of
from mmsearch_dagster.demo_shop.spec import StoreSpec


@pytest.fixture(scope="module")
def equipped(spec: StoreSpec, items: tuple[Item, ...]) -> tuple[Item, ...]:
    return with_media(spec, items)


def spectrum(samples: np.ndarray) -> np.ndarray:
    """Loudness in 40 bands by 10 moments, of unit length."""
    pieces = samples[: RATE // 10 * 10].reshape(10, -1)
    bands = np.abs(np.fft.rfft(pieces))[:, :800].reshape(10, 40, 20).mean(axis=(0, 2))
    return bands / np.linalg.norm(bands)


@pytest.mark.parametrize("kind", SOUNDS)
def test_every_recipe_is_one_second_of_sound_that_its_seed_repeats(kind: str) -> None:
    samples = sounded(kind, voice_of("steel", 0.5, 3))
    assert samples.shape == (RATE,)
    assert samples.dtype == np.float32
    assert np.abs(samples).max() == pytest.approx(0.8)
    assert np.array_equal(samples, sounded(kind, voice_of("steel", 0.5, 3)))
    assert not np.array_equal(samples, sounded(kind, voice_of("steel", 0.5, 4)))


def test_products_of_a_kind_sound_more_alike_than_others() -> None:
    heard = {kind: [spectrum(sounded(kind, voice_of("wood", n / 5, n))) for n in range(5)] for kind in SOUNDS}
    nearest = 0
    for kind, own in heard.items():
        others = [s for other, sounds in heard.items() if other != kind for s in sounds]
        nearest += max(own[0] @ s for s in own[1:]) > max(own[0] @ s for s in others)
    assert nearest >= 0.7 * len(heard)


def test_steel_rings_higher_than_wood() -> None:
    def pitch(material: str) -> int:
        return int(np.abs(np.fft.rfft(sounded("mug", voice_of(material, 0.5, 1)))).argmax())

    assert pitch("steel") > 1.3 * pitch("wood")


def test_only_kinds_that_make_a_noise_are_heard(spec: StoreSpec, equipped: tuple[Item, ...]) -> None:
    heard = [item for item in equipped if item.sound]
    assert {item.traits.kind for item in heard} <= set(SOUNDS)
    able = sum(item.traits.kind in SOUNDS for item in equipped)
    assert len(heard) / able == pytest.approx(spec.media.sound, abs=0.08)
    assert {item.sound.rsplit(".")[-1] for item in heard} == set(spec.media.sound_files)


def test_films_are_as_many_as_asked_for_and_some_products_have_nothing_else_to_see(
    spec: StoreSpec, equipped: tuple[Item, ...]
) -> None:
    seen = [item for item in equipped if item.film]
    assert len(seen) == spec.media.films
    assert {item.film.rsplit(".")[-1] for item in seen} == set(spec.media.film_files)
    assert sum(not item.pictures for item in seen) >= 8
    assert all(item.title for item in seen if not item.pictures)


def test_faults_are_planned_and_never_take_all_that_a_product_has(
    spec: StoreSpec, equipped: tuple[Item, ...]
) -> None:
    faults = planned_media_faults(spec, equipped)
    assert len(faults.sounds) == spec.media.silent_sounds + spec.media.broken_sounds
    assert len(faults.films) == spec.media.broken_films
    assert NO_PICTURE in faults.films.values()
    by_path = {path: item for item in equipped for path in (item.sound, item.film)}
    assert all(by_path[path].title for path in faults.sounds)
    assert all(by_path[path].pictures for path in faults.films)
    (silent, *_) = [path for path, fault in faults.sounds.items() if fault == SILENT]
    assert not sound_of(spec, by_path[silent], SILENT).any()


def test_a_product_in_stereo_has_two_tracks(spec: StoreSpec, equipped: tuple[Item, ...]) -> None:
    shapes = {sound_of(spec, item).shape for item in equipped if item.sound}
    assert shapes == {(RATE,), (2, RATE)}


def test_a_film_moves_and_half_of_them_have_a_cut(spec: StoreSpec, equipped: tuple[Item, ...]) -> None:
    cuts = []
    for item in [item for item in equipped if item.film][:8]:
        frames = film_of(spec, item)
        assert frames.shape == (spec.media.frames, spec.media.film_size, spec.media.film_size, 3)
        steps = np.abs(np.diff(frames.astype(int), axis=0)).mean(axis=(1, 2, 3))
        assert (steps > 0).all()
        cuts.append(steps.max() > 2.5 * np.median(steps))
    assert 0 < sum(cuts) < len(cuts)


def test_a_film_of_one_frame_too_many_ends_in_time(spec: StoreSpec, items: tuple[Item, ...]) -> None:
    from mmsearch_dagster.demo_shop.catalogue import studio_view

    views = (studio_view(spec, items[0], 0), studio_view(spec, items[0], 1))
    assert len(filmed(items[0].look, views, spec.rng("test"), 32, 5)) == 5
