"""Small line charts as SVG text: no library, no script, coloured by the page's own styles."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape

_WIDTH, _HEIGHT, _EDGE = 320.0, 72.0, 7.0


@dataclass(frozen=True)
class Dot:
    """One value in time. good: None where there is no verdict. label: shown when a mouse rests on it."""

    when: datetime
    value: float
    good: bool | None = None
    label: str = ""


@dataclass(frozen=True)
class Span:
    """What the horizontal axis reaches over."""

    start: datetime
    end: datetime

    def share(self, when: datetime) -> float:
        """Where a moment lies, 0 to 1."""
        length = (self.end - self.start).total_seconds()
        return 0.5 if length <= 0 else min(max((when - self.start).total_seconds() / length, 0.0), 1.0)


def sparkline(dots: Sequence[Dot], span: Span, *, guide: float | None = None, name: str = "") -> str:
    """An SVG element.

    Args:
        dots: in the order of time.
        span: shared by the charts of a page.
        guide: height of a dashed line: a limit.
        name: what it shows, for those who hear the page.

    Returns:
        SVG text; of no dots an empty frame.
    """
    low, high = _bounds([dot.value for dot in dots], guide)

    def y(value: float) -> float:
        share = 0.5 if high == low else (value - low) / (high - low)
        return _HEIGHT - _EDGE - share * (_HEIGHT - 2 * _EDGE)

    def x(when: datetime) -> float:
        return _EDGE + span.share(when) * (_WIDTH - 2 * _EDGE)

    parts = [] if guide is None else [_line("guide", [(0.0, y(guide)), (_WIDTH, y(guide))])]
    points = [(x(dot.when), y(dot.value)) for dot in dots]
    if len(points) > 1:
        parts.append(_line("line", points))
    radius = 3.2 if len(dots) <= 40 else 2.0
    parts += [_dot(dot, point, radius) for dot, point in zip(dots, points, strict=True)]
    size, label = f"0 0 {_WIDTH:.0f} {_HEIGHT:.0f}", escape(name, quote=True)
    return f'<svg viewBox="{size}" role="img" aria-label="{label}">{"".join(parts)}</svg>'


def _bounds(values: Sequence[float], guide: float | None) -> tuple[float, float]:
    every = [*values, *([] if guide is None else [guide])]
    return (min(every), max(every)) if every else (0.0, 1.0)


def _line(kind: str, points: Sequence[tuple[float, float]]) -> str:
    joined = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline class="{kind}" points="{joined}"/>'


def _dot(dot: Dot, point: tuple[float, float], radius: float) -> str:
    kind = {True: "good", False: "bad", None: "plain"}[dot.good]
    title = f"<title>{escape(dot.label)}</title>" if dot.label else ""
    return f'<circle class="{kind}" cx="{point[0]:.1f}" cy="{point[1]:.1f}" r="{radius}">{title}</circle>'
