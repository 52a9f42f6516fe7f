"""What lies on the object (its pattern), under it (the background) and over it (light and noise)."""

import random
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from mmsearch_dagster.demo_shop.drawings.geometry import Part, Points, box, ellipse, fill, line, moved

Rgb = tuple[int, int, int]
Pixels = NDArray[np.float32]  # [height, width, 3], 0..255

_REACH = 1.5  # patterns cover this much of the plane on each side, more than any object


def _grid(step: float, staggered: bool) -> list[tuple[float, float]]:
    ticks = np.arange(-_REACH, _REACH, step)
    return [
        (float(x) + (step / 2 if staggered and row % 2 else 0.0), float(y))
        for row, y in enumerate(ticks)
        for x in ticks
    ]


def striped(scale: float) -> list[Part]:
    return [
        fill(box(-_REACH, y, _REACH, y + 0.38 * scale), "accent") for y in np.arange(-_REACH, _REACH, scale)
    ]


def dotted(scale: float) -> list[Part]:
    dot = ellipse((0, 0), 0.27 * scale)[::3]
    return [fill(moved(dot, x, y), "accent") for x, y in _grid(0.8 * scale, True)]


def checked(scale: float) -> list[Part]:
    bands = np.arange(-_REACH, _REACH, scale)
    rows = [fill(box(-_REACH, y, _REACH, y + 0.5 * scale), "accent") for y in bands]
    return rows + [fill(box(x, -_REACH, x + 0.5 * scale, _REACH), "accent") for x in bands]


def floral(scale: float) -> list[Part]:
    petal, heart = ellipse((0, 0), 0.17 * scale)[::4], ellipse((0, 0), 0.12 * scale)[::4]
    turns = np.linspace(0, 2 * np.pi, 5, endpoint=False)
    parts: list[Part] = []
    petals = [moved(petal, 0.2 * scale * np.cos(a), 0.2 * scale * np.sin(a)) for a in turns]
    for x, y in _grid(1.25 * scale, True):
        parts += [fill(moved(each, x, y), "accent") for each in petals]
        parts.append(fill(moved(heart, x, y), "yolk"))
    return parts


def zigzag(scale: float) -> list[Part]:
    xs = np.arange(-_REACH, _REACH + scale, 0.5 * scale)
    teeth = np.where(np.arange(len(xs)) % 2, 0.25, -0.25) * scale
    levels = np.arange(-_REACH, _REACH, scale)
    return [line(np.stack([xs, y + teeth], axis=1), 0.24 * scale, "accent") for y in levels]


def no_pattern(scale: float) -> list[Part]:
    return []


PATTERNS: dict[str, Callable[[float], list[Part]]] = {
    "plain": no_pattern,
    "striped": striped,
    "dotted": dotted,
    "checked": checked,
    "floral": floral,
    "zigzag": zigzag,
}


def turned(points: Points, degrees: float) -> Points:
    """The points turned about the origin."""
    angle = np.radians(degrees)
    return points @ np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])


def _flat(size: int, tint: Rgb) -> Pixels:
    return np.broadcast_to(np.asarray(tint, dtype=np.float32), (size, size, 3)).copy()


def studio(size: int, tint: Rgb, rng: random.Random) -> Pixels:
    """A sheet of paper: lighter in the middle, a floor line that is hardly there."""
    ramp = np.linspace(1.04, rng.uniform(0.84, 0.96), size, dtype=np.float32)
    return np.clip(_flat(size, tint) * ramp[:, None, None], 0, 255)


def planks(size: int, tint: Rgb, rng: random.Random) -> Pixels:
    """A wooden table or floor."""
    picture = _flat(size, tint)
    width = rng.randint(size // 7, size // 4)
    for x in range(0, size, width):
        picture[:, x : x + width] *= rng.uniform(0.84, 1.1)
        picture[:, x : x + 2] *= 0.6
    grain = np.sin(np.linspace(0, rng.uniform(60, 120), size, dtype=np.float32))
    picture *= (1 + 0.03 * grain)[None, :, None]
    return np.rot90(picture).copy() if rng.random() < 0.5 else picture


def tiles(size: int, tint: Rgb, rng: random.Random) -> Pixels:
    """A tiled kitchen wall."""
    picture = _flat(size, tint)
    width = rng.randint(size // 6, size // 3)
    for x in range(rng.randint(0, width), size, width):
        picture[:, x : x + 3] *= 0.78
        picture[x : x + 3] *= 0.78
    return picture


def woven(size: int, tint: Rgb, rng: random.Random) -> Pixels:
    """A carpet or a bed sheet."""
    wave = np.sin(np.arange(size, dtype=np.float32) * rng.uniform(0.8, 1.6))
    fold = np.sin(np.linspace(0, rng.uniform(4, 9), size, dtype=np.float32) + rng.uniform(0, 6))
    shade = 1 + 0.05 * wave[:, None] * wave[None, :] + 0.08 * fold[None, :]
    return (_flat(size, tint) * shade[:, :, None]).astype(np.float32)


BACKGROUNDS: dict[str, Callable[[int, Rgb, random.Random], Pixels]] = {
    "studio": studio,
    "planks": planks,
    "tiles": tiles,
    "woven": woven,
}


def cluttered(background: Image.Image, pieces: int, rng: random.Random) -> Image.Image:
    """Things at the edge of the picture, slightly out of focus: paper, boxes, coins, pens."""
    draw, size = ImageDraw.Draw(background), background.width
    for _ in range(pieces):
        tint = tuple(rng.randint(60, 120) + rng.randint(0, 100) for _ in range(3))
        turn, reach = rng.uniform(0, 360), rng.uniform(0.1, 0.26)
        side = turned(np.array([[0.0, -rng.uniform(0.36, 0.56)]]), rng.uniform(0, 360))[0] + 0.5
        flat = reach * rng.choice((0.06, 0.6, 0.8))
        outline = rng.choice((box(-reach, -flat, reach, flat), ellipse((0, 0), reach * 0.5)))
        shape = (turned(outline, turn) + side) * size
        draw.polygon(shape.ravel().tolist(), fill=tint)
    return background.filter(ImageFilter.GaussianBlur(1.2))


def lit(picture: Pixels, degrees: float, strength: float) -> Pixels:
    """Light from one side: brighter there, darker at the other end."""
    ramp = np.linspace(-1, 1, picture.shape[0], dtype=np.float32)
    angle = np.radians(degrees)
    slope = ramp[None, :] * np.float32(np.cos(angle)) + ramp[:, None] * np.float32(np.sin(angle))
    return (picture * (1 + strength * slope)[:, :, None]).astype(np.float32)
