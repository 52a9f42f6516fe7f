"""Pictures: each kind is drawn, shows its colour, and the same look and view give the same bytes."""

import io
import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from mmsearch_dagster.demo_shop.drawings.picture import DRAWINGS, Look, View, jpeg, render
from mmsearch_dagster.demo_shop.drawings.surfaces import BACKGROUNDS, PATTERNS

SIZE = 96
LOOK = Look("mug", (200, 38, 44), (32, 44, 92), "plain", 0.28, 0.0, 0.5, (1.0, 1.0))
VIEW = View(
    turn=0,
    zoom=0.85,
    shift=(0, 0),
    tilt=(0, 0),
    flip=False,
    background="studio",
    tint=(250, 250, 250),
    light=(0, 0),
    cast=(1, 1, 1),
    clutter=0,
    noise=0,
    blur=0,
    quality=85,
    seed=1,
)
shares = st.floats(0, 1)
signed = st.floats(-0.3, 0.3)
rgb = st.tuples(*[st.integers(0, 255)] * 3)
looks = st.builds(
    Look,
    drawing=st.sampled_from(sorted(DRAWINGS)),
    color=rgb,
    accent=rgb,
    pattern=st.sampled_from(sorted(PATTERNS)),
    pattern_scale=st.floats(0.2, 0.36),
    pattern_turn=st.sampled_from([0.0, 45.0, 90.0]),
    cut=shares,
    stretch=st.tuples(st.floats(0.9, 1.1), st.floats(0.9, 1.1)),
)
views = st.builds(
    View,
    turn=st.floats(-180, 180),
    zoom=st.floats(0.3, 1.5),
    shift=st.tuples(signed, signed),
    tilt=st.tuples(signed, signed),
    flip=st.booleans(),
    background=st.sampled_from(sorted(BACKGROUNDS)),
    tint=rgb,
    light=st.tuples(st.floats(0, 360), shares),
    cast=st.tuples(*[st.floats(0.5, 1.2)] * 3),
    clutter=st.integers(0, 6),
    noise=st.floats(0, 30),
    blur=st.floats(0, 2),
    quality=st.integers(1, 95),
    seed=st.integers(0, 2**31),
)


def _pixels(look: Look, view: View = VIEW) -> np.ndarray:
    return np.asarray(render(look, view, SIZE), dtype=np.int32)


@given(looks, views)
@settings(max_examples=25, deadline=None)
def test_any_look_in_any_view_is_a_picture_and_the_same_one_again(look: Look, view: View) -> None:
    content = jpeg(look, view, 48)
    assert Image.open(io.BytesIO(content)).size == (48, 48)
    assert jpeg(look, view, 48) == content


@pytest.mark.parametrize("drawing", sorted(DRAWINGS))
def test_each_kind_shows_its_colour_and_lies_inside_the_picture(drawing: str) -> None:
    look = replace(LOOK, drawing=drawing)
    seen = _pixels(look)
    near = np.abs(seen - look.color).max(axis=2) < 60
    assert near.mean() > 0.03
    rim = np.concatenate([near[0], near[-1], near[:, 0], near[:, -1]])
    assert not rim.any()


def test_no_two_kinds_look_the_same() -> None:
    seen = {name: _pixels(replace(LOOK, drawing=name)) for name in DRAWINGS}
    closest = min(np.abs(seen[a] - seen[b]).mean() for a, b in itertools.combinations(sorted(seen), 2))
    assert closest > 4


@pytest.mark.parametrize("pattern", sorted(set(PATTERNS) - {"plain"}))
def test_a_pattern_puts_the_second_colour_on_the_cloth(pattern: str) -> None:
    plain = _pixels(replace(LOOK, drawing="t_shirt"))
    patterned = _pixels(replace(LOOK, drawing="t_shirt", pattern=pattern))
    changed = np.abs(plain - patterned).max(axis=2) > 40
    cloth = np.abs(plain - LOOK.color).max(axis=2) < 60
    assert 0.08 < changed.sum() / cloth.sum() < 0.9
    assert not changed[~cloth].mean() > 0.05


def test_a_phone_photo_differs_from_the_studio_but_keeps_the_colour() -> None:
    phone = replace(VIEW, turn=30, background="planks", clutter=4, noise=8, blur=0.5, tint=(120, 130, 140))
    studio, snapped = _pixels(LOOK), _pixels(LOOK, phone)
    assert np.abs(studio - snapped).mean() > 20
    assert (np.abs(snapped - LOOK.color).max(axis=2) < 60).mean() > 0.03
