"""The small vocabulary of shapes that every drawing is put together from.

Coordinates are the object's own: x to the right, y down, the object inside about [-1, 1] x [-1, 1].
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]  # [n, 2]
Corner = tuple[float, float]

Paint = Literal[
    "body",  # the product's colour with its pattern
    "plain",  # the product's colour without pattern
    "tone",  # a darker shade of it
    "accent",  # the product's second colour
    "dark",
    "light",
    "metal",
    "glass",
    "wood",
    "yolk",
    "shade",  # translucent black
    "shine",  # translucent white
]


@dataclass(frozen=True)
class Part:
    """A filled shape, or a line of `width` when that is above zero."""

    points: Points
    paint: Paint
    width: float = 0.0


def fill(points: Points | Sequence[Corner], paint: Paint = "body") -> Part:
    """A filled, outlined shape."""
    return Part(np.asarray(points, dtype=np.float64), paint)


def line(points: Points | Sequence[Corner], width: float = 0.02, paint: Paint = "tone") -> Part:
    """An open line with round joints."""
    return Part(np.asarray(points, dtype=np.float64), paint, width)


def ellipse(center: Corner, rx: float, ry: float | None = None, arc: Corner = (0, 360)) -> Points:
    """Points of an ellipse (a circle without `ry`), or of its arc between two angles in degrees."""
    steps = max(8, int(abs(arc[1] - arc[0]) / 10))
    angle = np.radians(np.linspace(arc[0], arc[1], steps, endpoint=abs(arc[1] - arc[0]) < 360))
    radius_y = rx if ry is None else ry
    return np.stack([center[0] + rx * np.cos(angle), center[1] + radius_y * np.sin(angle)], axis=1)


def box(x0: float, y0: float, x1: float, y1: float, radius: float = 0.0) -> Points:
    """A rectangle with round corners."""
    if radius <= 0:
        return np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], dtype=np.float64)
    corners = ((x1, y0, -90), (x1, y1, 0), (x0, y1, 90), (x0, y0, 180))
    inner = [
        ellipse(
            (x - np.sign(x - x0 or -1) * radius, y - np.sign(y - y0 or -1) * radius), radius, arc=(a, a + 90)
        )
        for x, y, a in corners
    ]
    return np.concatenate(inner)


def smooth(corners: Sequence[Corner] | Points) -> Points:
    """A closed round outline through the corners."""
    knots = np.asarray(corners, dtype=np.float64)
    return _catmull_rom(np.concatenate([knots[-1:], knots, knots[:2]]))


def curve(corners: Sequence[Corner] | Points) -> Points:
    """An open round line through the corners."""
    knots = np.asarray(corners, dtype=np.float64)
    return np.concatenate([_catmull_rom(np.concatenate([knots[:1], knots, knots[-1:]])), knots[-1:]])


def _catmull_rom(padded: Points) -> Points:
    """Catmull-Rom spline, six points per piece; the first and the last knot only give direction."""
    t = np.linspace(0, 1, 6, endpoint=False)[:, None]
    pieces = []
    for a, b, c, d in zip(padded, padded[1:], padded[2:], padded[3:], strict=False):
        pieces.append(
            0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
        )
    return np.concatenate(pieces)


def mirrored(points: Points | Sequence[Corner]) -> Points:
    """The same points on the other side of the vertical axis."""
    return np.asarray(points, dtype=np.float64) * (-1.0, 1.0)


def symmetric(right: Sequence[Corner] | Points) -> Points:
    """A closed outline from its right half, listed from top to bottom."""
    half = np.asarray(right, dtype=np.float64)
    return np.concatenate([half, mirrored(half)[::-1]])


def both(part: Part) -> list[Part]:
    """A part and its mirror image: two sleeves, two ears."""
    return [part, Part(mirrored(part.points), part.paint, part.width)]


def moved(points: Points | Sequence[Corner], dx: float, dy: float, scale: float = 1.0) -> Points:
    """The points scaled about the origin, then shifted."""
    return np.asarray(points, dtype=np.float64) * scale + (dx, dy)
