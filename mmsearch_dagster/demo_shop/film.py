"""A film of a sample product, turned before a camera: drawn once or twice, then moved."""

import random

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mmsearch_dagster.demo_shop.drawings.picture import Look, View, render

Frames = NDArray[np.uint8]
# The drawing is larger than the film, so that turning shows no corners.
_MARGIN = 1.5


def filmed(look: Look, views: tuple[View, ...], rng: random.Random, size: int, frames: int) -> Frames:
    """uint8 [frames, size, size, 3]: each view for an equal time, with a cut between them."""
    each = -(-frames // len(views))
    scenes = [_moved(render(look, view, round(size * _MARGIN)), rng, size, each) for view in views]
    return np.concatenate(scenes)[:frames]


def _moved(picture: Image.Image, rng: random.Random, size: int, frames: int) -> Frames:
    """Turned, zoomed and shifted evenly from one position to another."""
    turns = np.linspace(rng.uniform(-14, 0), rng.uniform(0, 14), frames)
    zooms = np.linspace(rng.uniform(0.95, 1.0), rng.uniform(1.0, 1.15), frames)
    shifts = np.linspace(rng.uniform(-0.06, 0.0), rng.uniform(0.0, 0.06), frames) * size
    moves = zip(turns, zooms, shifts, strict=True)
    return np.stack([_framed(picture, *move, size) for move in moves])


def _framed(picture: Image.Image, turn: float, zoom: float, shift: float, size: int) -> Frames:
    turned = picture.rotate(turn, Image.Resampling.BILINEAR)
    reach = size * 1.3 / zoom / 2
    middle = picture.width / 2
    box = (middle + shift - reach, middle - reach, middle + shift + reach, middle + reach)
    return np.asarray(turned.resize((size, size), Image.Resampling.BILINEAR, box=box))
