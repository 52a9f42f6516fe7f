"""Pictures for people: PNG bytes for run pages and asset metadata. No pyplot, so no shared state."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_INK = "#2b2f36"
_GRID = "#e3e6ea"
_MOST_NAMES = 8
_DPI = 110
# Of a contact sheet, in pixels: the words above each picture, the title above all, and how much wider than a
# picture a column is.
_SHEET_CAPTION, _SHEET_TITLE, _SHEET_GAP = 31, 44, 1.08
_ACCENT = "#2f6fde"
_QUIET = "#9aa5b4"
_COLOURS = ("#2f6fde", "#e07b39", "#3a9d6e", "#8a5cc2", "#c4485a", "#5c6b7a")
# Fonts that can draw Chinese titles, where one is installed.
_FONTS = ["Noto Sans CJK SC", "Noto Sans CJK JP", "WenQuanYi Zen Hei", "DejaVu Sans"]


@dataclass(frozen=True)
class Bar:
    """One measured engine: mean and interval. `highlight` marks the one the page is about."""

    label: str
    mean: float
    low: float
    high: float
    highlight: bool = False


def _figure(width: float, height: float) -> "Figure":
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), dpi=_DPI, layout="constrained", facecolor="white")


def _style(axes: "Axes", title: str) -> None:
    axes.set_title(title, loc="left", color=_INK, fontsize=11, fontweight="bold", parse_math=False)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(_QUIET)
    axes.tick_params(colors=_INK, labelsize=9, length=3)
    axes.set_axisbelow(True)


def _png(figure: "Figure") -> bytes:
    buffer = BytesIO()
    # No software name and date inside: the same picture has the same bytes.
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def _installed_fonts() -> list[str]:
    from matplotlib import font_manager

    installed = set(font_manager.get_font_names())
    return [font for font in _FONTS if font in installed]


def curves(
    lines: Mapping[str, Sequence[tuple[int, float]]],
    *,
    title: str,
    y_label: str,
    x_label: str = "step",
    x_names: Sequence[str] = (),
) -> bytes:
    """One line per name, over training steps or another count.

    Args:
        lines: name -> (step, value); NaN leaves a gap.
        title: above all.
        y_label: of the values.
        x_label: of the steps.
        x_names: what step 0, 1, ... is called, for example its day; empty for the number itself.

    Returns:
        A PNG.
    """
    figure = _figure(6.4, 3.6)
    axes = figure.add_subplot()
    _style(axes, title)
    axes.grid(color=_GRID, linewidth=0.8)
    for index, (name, points) in enumerate(lines.items()):
        steps, values = zip(*points, strict=True) if points else ((), ())
        axes.plot(
            steps,
            values,
            color=_COLOURS[index % len(_COLOURS)],
            linewidth=1.6,
            marker="o" if len(points) < 30 else None,
            markersize=3,
            label=name,
        )
    if x_names:
        shown = range(0, len(x_names), -(-len(x_names) // _MOST_NAMES))
        axes.set_xticks(list(shown), [x_names[step] for step in shown], parse_math=False)
    axes.set_xlabel(x_label, color=_INK, fontsize=9)
    axes.set_ylabel(y_label, color=_INK, fontsize=9)
    if lines:
        axes.legend(frameon=False, fontsize=9)
    return _png(figure)


def metric_bars(bars: Sequence[Bar], *, title: str, metric: str) -> bytes:
    """Horizontal bars with whiskers for their intervals, in the given order from the top."""
    figure = _figure(6.8, 1.1 + 0.36 * max(len(bars), 1))
    axes = figure.add_subplot()
    _style(axes, title)
    axes.grid(axis="x", color=_GRID, linewidth=0.8)
    means = [bar.mean for bar in bars]
    reach = [[max(0.0, bar.mean - bar.low) for bar in bars], [max(0.0, bar.high - bar.mean) for bar in bars]]
    positions = range(len(bars))
    colours = [_ACCENT if bar.highlight else _QUIET for bar in bars]
    axes.barh(positions, means, height=0.62, color=colours)
    axes.errorbar(means, positions, xerr=reach, fmt="none", ecolor=_INK, elinewidth=1, capsize=3)
    axes.set_yticks(
        positions, [bar.label for bar in bars], fontfamily=_installed_fonts() or None, parse_math=False
    )
    axes.invert_yaxis()
    axes.set_xlim(0, max([1.0, *means]) * 1.12)
    axes.set_xticks([0, 0.2, 0.4, 0.6, 0.8, 1.0])
    axes.set_xlabel(metric, color=_INK, fontsize=9)
    for position, bar in zip(positions, bars, strict=True):
        end = bar.high if bar.high == bar.high else bar.mean  # NaN: no interval
        axes.text(end + 0.012, position, f"{bar.mean:.3f}", va="center", fontsize=9, color=_INK)
    return _png(figure)


def panels(
    values: Mapping[str, Mapping[str, float]],
    *,
    title: str,
    highlight: str = "",
    bounds: Mapping[str, float] | None = None,
) -> bytes:
    """One small bar chart per measure, each on a scale of its own.

    Args:
        values: measure -> (name -> value; NaN: none).
        title: above all.
        highlight: a name whose bars are marked.
        bounds: measure -> value from which it is too large: a dashed line; bars beyond it are marked.

    Returns:
        A PNG.
    """
    figure = _figure(1.6 + 1.9 * max(len(values), 1), 1.1 + 0.3 * max(map(len, values.values()), default=1))
    fonts = _installed_fonts() or None
    grid = figure.subplots(1, max(len(values), 1), sharey=True, squeeze=False)[0]
    for axes, (measure, named) in zip(grid, values.items(), strict=False):
        bound = (bounds or {}).get(measure)
        _style(axes, "")
        axes.set_title(measure, loc="left", color=_INK, fontsize=8, parse_math=False)
        colours = [_colour_of(name == highlight, value, bound) for name, value in named.items()]
        axes.barh(range(len(named)), list(named.values()), height=0.62, color=colours)
        axes.axvline(0, color=_INK, linewidth=0.8)
        if bound is not None:
            axes.axvline(bound, color=_INK, linewidth=0.9, linestyle=(0, (4, 3)))
        axes.set_xlim(*_reach([*named.values(), *([] if bound is None else [bound])]))
        axes.tick_params(labelsize=8)
        axes.set_yticks(range(len(named)), list(named), fontfamily=fonts, parse_math=False)
    grid[0].invert_yaxis()
    figure.suptitle(title, x=0.01, ha="left", fontsize=11, fontweight="bold", color=_INK)
    return _png(figure)


def _colour_of(chosen: bool, value: float, bound: float | None) -> str:
    if bound is not None and value >= bound:
        return _COLOURS[1]
    return _ACCENT if chosen else _QUIET


def _reach(values: Sequence[float]) -> tuple[float, float]:
    """Both ends of an axis that holds 0 and all values; of zeros alone from 0 to 1."""
    drawn = [0.0, *(value for value in values if value == value)]
    low, high = min(drawn), max(drawn)
    return (low * 1.1, high * 1.1) if high > low else (0.0, 1.0)


def contact_sheet(
    images: Sequence[tuple[str, bytes]], *, columns: int = 6, cell: int = 140, title: str = ""
) -> bytes:
    """Pictures (caption, encoded bytes) in a grid, fitted into `cell` pixels; unreadable ones are named.

    Written without axes: to lay out an axis for each picture takes half a second.
    """
    from matplotlib.figure import Figure

    head = _SHEET_TITLE if title else 0
    rows = max(1, -(-len(images) // columns))
    width, height = round(columns * cell * _SHEET_GAP), rows * (cell + _SHEET_CAPTION) + head
    figure = Figure(figsize=(width / _DPI, height / _DPI), dpi=_DPI, facecolor="white")
    fonts = _installed_fonts() or None
    for number, (caption, content) in enumerate(images):
        row, column = divmod(number, columns)
        middle = (column + 0.5) * cell * _SHEET_GAP
        bottom = height - head - row * (cell + _SHEET_CAPTION) - cell - _SHEET_CAPTION
        _place_image(figure, _thumbnail(content, cell), x=middle, y=bottom + cell / 2)
        short = caption if len(caption) <= 24 else caption[:23] + "…"
        _place_text(figure, short, x=middle, y=bottom + cell + 0.4 * _SHEET_CAPTION, fontfamily=fonts)
    if title:
        figure.suptitle(title, x=0.01, ha="left", fontsize=11, fontweight="bold", color=_INK)
    return _png(figure)


def _place_image(figure: "Figure", image: Any | None, *, x: float, y: float) -> None:
    """A picture around a point, in pixels from the lower left corner; a word instead of none."""
    import numpy as np

    if image is None:
        _place_text(figure, "unreadable", x=x, y=y, color="#c4485a")
    else:
        left, bottom = round(x - image.width / 2), round(y - image.height / 2)
        figure.figimage(np.asarray(image), left, bottom)


def _place_text(figure: "Figure", text: str, *, x: float, y: float, **style: Any) -> None:
    """Small words around a point, in pixels from the lower left corner."""
    across, up = x / figure.bbox.width, y / figure.bbox.height
    look: dict[str, Any] = {"color": _INK, "fontsize": 7, **style}
    figure.text(across, up, text, ha="center", va="center", parse_math=False, **look)


def _thumbnail(content: bytes, cell: int) -> Any | None:
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(BytesIO(content)) as image:
            image.draft("RGB", (cell * 2, cell * 2))  # JPEG decodes small at once
            small = image.convert("RGB")
            small.thumbnail((cell, cell))
            return small
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
