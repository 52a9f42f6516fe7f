"""Which sample products have audio or a video, and how it is made: the recipes, not the bytes."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from mmsearch_dagster.demo_shop.catalogue import Item, studio_view
from mmsearch_dagster.demo_shop.film import Frames, filmed
from mmsearch_dagster.demo_shop.sound import RATE, SOUNDS, sounded, voice_of
from mmsearch_dagster.demo_shop.spec import StoreSpec

Suffix = TypeVar("Suffix", bound=str)

SILENT, TRUNCATED, NOT_MEDIA, NO_PICTURE = "silent", "truncated", "not media", "sound only"
_SOUND_FAULTS, _FILM_FAULTS = (TRUNCATED, NOT_MEDIA), (TRUNCATED, NO_PICTURE)


@dataclass(frozen=True)
class Faults:
    """Relative path -> what is wrong with that file, on purpose."""

    sounds: Mapping[str, str]
    films: Mapping[str, str]


def with_media(spec: StoreSpec, items: Sequence[Item]) -> tuple[Item, ...]:
    """The products with the paths of their sounds and films."""
    filmed_ids = _filmed(spec, items)
    return tuple(
        replace(item, sound=_sound_path(spec, item), film=_film_path(spec, item, filmed_ids))
        for item in items
    )


def planned_media_faults(spec: StoreSpec, items: Sequence[Item]) -> Faults:
    """The first files of each sort, in the order of the products."""
    sounds = [item.sound for item in items if item.sound and item.title]
    films = [item.film for item in items if item.film and item.pictures]
    media = spec.media
    wrong_sounds = [SILENT] * media.silent_sounds + _in_turn(_SOUND_FAULTS, media.broken_sounds)
    wrong_films = _in_turn(_FILM_FAULTS, media.broken_films)
    return Faults(dict(zip(sounds, wrong_sounds, strict=False)), dict(zip(films, wrong_films, strict=False)))


def _in_turn(faults: tuple[str, ...], count: int) -> list[str]:
    return [faults[n % len(faults)] for n in range(count)]


def _filmed(spec: StoreSpec, items: Sequence[Item]) -> frozenset[str]:
    """Half of the products that have no picture, the rest drawn from those that have one."""
    unseen = [item.product_id for item in items if not item.pictures and item.title][::2]
    seen = [item.product_id for item in items if item.pictures]
    spec.rng("films").shuffle(seen)
    return frozenset([*unseen, *seen][: spec.media.films])


def _sound_path(spec: StoreSpec, item: Item) -> str:
    rng = spec.rng(f"sound:{item.product_id}")
    if item.traits.kind not in SOUNDS or rng.random() >= spec.media.sound:
        return ""
    return f"sounds/{item.product_id}.{_drawn(spec.media.sound_files, rng)}"


def _film_path(spec: StoreSpec, item: Item, chosen: frozenset[str]) -> str:
    if item.product_id not in chosen:
        return ""
    return f"videos/{item.product_id}.{_drawn(spec.media.film_files, spec.rng(f'film:{item.product_id}'))}"


def _drawn(shares: Mapping[Suffix, float], rng: random.Random) -> Suffix:
    return rng.choices(list(shares), list(shares.values()))[0]


def sound_of(spec: StoreSpec, item: Item, fault: str = "") -> NDArray[np.float32]:
    """Samples float32 [n], or [2, n] of a recording in stereo; their rate is demo_shop.sound.RATE."""
    rng = spec.rng(f"sounding:{item.product_id}")
    voice = voice_of(item.traits.material, item.look.cut, rng.randrange(2**31))
    samples = sounded(item.traits.kind, voice)
    if fault == SILENT:
        return np.zeros_like(samples)
    if rng.random() >= spec.media.stereo:
        return samples
    late = rng.randint(1, RATE // 1000)
    return np.stack([samples, np.roll(samples, late) * np.float32(0.7)])


def film_of(spec: StoreSpec, item: Item) -> Frames:
    """uint8 [frames, size, size, 3]."""
    rng = spec.rng(f"filming:{item.product_id}")
    views = tuple(studio_view(spec, item, number) for number in range(rng.choice((1, 2))))
    return filmed(item.look, views, rng, spec.media.film_size, spec.media.frames)
