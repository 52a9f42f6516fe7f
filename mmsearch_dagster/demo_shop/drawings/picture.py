"""From a look and a view to the bytes of a JPEG."""

import functools
import io
import random
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from mmsearch_dagster.demo_shop.drawings.clothing import CLOTHING
from mmsearch_dagster.demo_shop.drawings.gadgets import GADGETS
from mmsearch_dagster.demo_shop.drawings.geometry import Paint, Part, Points
from mmsearch_dagster.demo_shop.drawings.house import HOUSE
from mmsearch_dagster.demo_shop.drawings.shoes_and_bags import CARRIED
from mmsearch_dagster.demo_shop.drawings.surfaces import BACKGROUNDS, PATTERNS, Rgb, cluttered, lit, turned
from mmsearch_dagster.demo_shop.drawings.toys import TOYS

DRAWINGS = {**CLOTHING, **CARRIED, **HOUSE, **GADGETS, **TOYS}

_FIXED: dict[Paint, tuple[int, ...]] = {
    "dark": (46, 46, 52),
    "light": (246, 244, 238),
    "metal": (176, 180, 188),
    "glass": (158, 200, 222),
    "wood": (158, 112, 70),
    "yolk": (244, 178, 40),
    "shade": (0, 0, 0, 70),
    "shine": (255, 255, 255, 90),
}


@dataclass(frozen=True)
class Look:
    """What stays the same on every picture of one product. `cut` in [0, 1] varies the silhouette."""

    drawing: str
    color: Rgb
    accent: Rgb
    pattern: str
    pattern_scale: float
    pattern_turn: float
    cut: float
    stretch: tuple[float, float]


@dataclass(frozen=True)
class View:
    """One photograph: where the object lies, on what, in which light; `seed` draws the small accidents."""

    turn: float
    zoom: float
    shift: tuple[float, float]
    tilt: tuple[float, float]
    flip: bool
    background: str
    tint: Rgb
    light: tuple[float, float]
    cast: tuple[float, float, float]
    clutter: int
    noise: float
    blur: float
    quality: int
    seed: int


@functools.cache
def _parts(drawing: str, cut: float) -> tuple[Part, ...]:
    return tuple(DRAWINGS[drawing](cut))


def _mixed(color: Rgb, other: Rgb, share: float) -> Rgb:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(color, other, strict=True))
    return red, green, blue


def _seen(points: Points, look: Look, view: View, pixels: int) -> Points:
    """Object coordinates to pixels: the product's stretch, then turn, perspective, zoom and shift."""
    stretched = points * look.stretch * ((-1.0, 1.0) if view.flip else (1.0, 1.0))
    flat = turned(stretched, view.turn)
    depth = 1 + flat @ np.asarray(view.tilt)
    return (flat / depth[:, None] * view.zoom + view.shift) * (pixels / 2) + pixels / 2


class _Canvas:
    """Twice the final size: colours, the object's mask, and the fabric its body is cut from."""

    def __init__(self, look: Look, view: View, size: int) -> None:
        self._look, self._view, self._pixels = look, view, size * 2
        self._edge = _mixed(look.color, (20, 20, 26), 0.55)
        self.colors = Image.new("RGB", (self._pixels, self._pixels), self._edge)
        self.mask = Image.new("L", self.colors.size)
        self._fabric = Image.new("RGB", self.colors.size, look.color)
        self._paint_fabric()

    def _paint_fabric(self) -> None:
        look, draw = self._look, ImageDraw.Draw(self._fabric, "RGBA")
        inks: dict[Paint, tuple[int, ...]] = {"accent": (*look.accent, 205), "yolk": _FIXED["yolk"]}
        if look.pattern == "checked":
            inks["accent"] = (*look.accent, 140)
        for part in PATTERNS[look.pattern](look.pattern_scale):
            xy, width = self._placed(turned(part.points, look.pattern_turn)), self._width(part)
            if width:
                draw.line(xy, fill=inks[part.paint], width=width)
            else:
                draw.polygon(xy, fill=inks[part.paint])

    def _placed(self, points: Points) -> list[float]:
        return _seen(points, self._look, self._view, self._pixels).ravel().tolist()

    def _width(self, part: Part) -> int:
        return max(2, round(part.width * self._view.zoom * self._pixels / 2)) if part.width else 0

    def _ink(self, paint: Paint) -> tuple[int, ...]:
        look = self._look
        if paint in _FIXED:
            return _FIXED[paint]
        return {"accent": look.accent, "tone": _mixed(look.color, (20, 20, 26), 0.3)}.get(paint, look.color)

    def draw(self, part: Part) -> None:
        """Puts one part on top of what is there."""
        xy, width = self._placed(part.points), self._width(part)
        if part.paint == "body":
            stencil = Image.new("L", self.mask.size)
            _stroke(ImageDraw.Draw(stencil), xy, width, 255)
            self.colors.paste(self._fabric, mask=stencil)
        else:
            _stroke(ImageDraw.Draw(self.colors, "RGBA"), xy, width, self._ink(part.paint))
        if part.paint not in ("shade", "shine"):
            _stroke(ImageDraw.Draw(self.mask), xy, width, 255)
            if not width:
                ImageDraw.Draw(self.colors).line([*xy, *xy[:4]], fill=self._edge, width=3, joint="curve")


def _stroke(draw: ImageDraw.ImageDraw, xy: list[float], width: int, ink: int | tuple[int, ...]) -> None:
    if not width:
        draw.polygon(xy, fill=ink)
        return
    draw.line(xy, fill=ink, width=width, joint="curve")
    if width > 8:
        for x, y in (xy[:2], xy[-2:]):
            draw.ellipse((x - width / 2, y - width / 2, x + width / 2, y + width / 2), fill=ink)


def _scene(view: View, mask: Image.Image, size: int) -> NDArray[np.float32]:
    """Background with clutter and the object's soft shadow, [size, size, 3]."""
    rng = random.Random(view.seed)
    ground = BACKGROUNDS[view.background](size, view.tint, rng)
    if view.clutter:
        picture = Image.fromarray(np.clip(ground, 0, 255).astype(np.uint8))
        ground = np.asarray(cluttered(picture, view.clutter, rng), dtype=np.float32)
    angle = np.radians(view.light[0])
    offset = (round(-6 * np.cos(angle)), round(abs(5 * np.sin(angle))) + 3)
    shadow = Image.new("L", mask.size)
    shadow.paste(mask, offset)
    soft = np.asarray(shadow.filter(ImageFilter.BoxBlur(6)), dtype=np.float32) / 255
    return (ground * (1 - 0.34 * soft)[:, :, None]).astype(np.float32)


def render(look: Look, view: View, size: int) -> Image.Image:
    """The photograph, [size, size] RGB."""
    canvas = _Canvas(look, view, size)
    for part in _parts(look.drawing, look.cut):
        canvas.draw(part)
    mask = canvas.mask.reduce(2)
    alpha = np.asarray(mask, dtype=np.float32)[:, :, None] / 255
    volume = np.asarray(mask.filter(ImageFilter.BoxBlur(9)), dtype=np.float32)[:, :, None] / 255
    thing = np.asarray(canvas.colors.reduce(2), dtype=np.float32) * (0.8 + 0.22 * volume)
    flat = _scene(view, mask, size) * (1 - alpha) + thing * alpha
    picture = lit(flat.astype(np.float32), *view.light) * np.asarray(view.cast, dtype=np.float32)
    if view.noise:
        grain = np.random.default_rng(view.seed).standard_normal((size, size, 1), dtype=np.float32)
        picture = picture + view.noise * grain
    image = Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8))
    return image.filter(ImageFilter.GaussianBlur(view.blur)) if view.blur else image


def jpeg(look: Look, view: View, size: int) -> bytes:
    """The photograph as a file's bytes, the same on every run."""
    buffer = io.BytesIO()
    render(look, view, size).save(buffer, "JPEG", quality=view.quality)
    return buffer.getvalue()
