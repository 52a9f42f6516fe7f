"""How clothes look: one function per kind; `s` in [0, 1] is the product's own cut."""

import numpy as np

from mmsearch_dagster.demo_shop.drawings.geometry import (
    Part,
    both,
    box,
    curve,
    ellipse,
    fill,
    line,
    moved,
    smooth,
    symmetric,
)


def _torso(s: float, sleeve: list[tuple[float, float]]) -> Part:
    hem = 0.72 + 0.14 * s
    return fill(
        symmetric([(0.2, -0.8), (0.46, -0.72), *sleeve, (0.45, -0.28), (0.47, hem - 0.03), (0.45, hem)])
    )


def t_shirt(s: float) -> list[Part]:
    drop = 0.12 * s
    return [
        _torso(s, [(0.62, -0.64), (0.94, -0.2 + drop), (0.7, -0.03 + drop)]),
        fill(ellipse((0, -0.8), 0.21, 0.15, (0, 180)), "tone"),
        line(ellipse((0, -0.8), 0.23, 0.18, (0, 180)), 0.035, "accent"),
        *both(line([(0.46, -0.72), (0.45, -0.28)], 0.012)),
        *both(line([(0.92, -0.22 + drop), (0.69, -0.06 + drop)], 0.03, "accent")),
        line([(0.1, 0.2), (0.18, 0.45), (0.16, 0.62)], 0.015, "shade"),
    ]


def _long_sleeves(s: float, cuff: str = "tone") -> list[Part]:
    sleeve = [(0.6, -0.62), (0.8, 0.05), (0.93, 0.62), (0.72, 0.68), (0.57, 0.08)]
    paint = "accent" if cuff == "accent" else "tone"
    return [
        _torso(s, sleeve),
        *both(fill([(0.91, 0.54), (0.94, 0.64), (0.72, 0.71), (0.69, 0.6)], paint)),
        *both(line([(0.46, -0.72), (0.45, -0.28)], 0.012)),
        *both(line([(0.45, -0.28), (0.42, 0.1)], 0.015, "shade")),
    ]


def shirt(s: float) -> list[Part]:
    return [
        *_long_sleeves(s),
        fill([(-0.045, -0.62), (0.045, -0.62), (0.045, 0.8), (-0.045, 0.8)], "plain"),
        *[fill(ellipse((0, y), 0.025), "light") for y in np.arange(-0.45, 0.8, 0.22)],
        fill([(-0.16, -0.8), (0.16, -0.8), (0, -0.6)], "tone"),
        *both(fill([(0.2, -0.86), (0.0, -0.6), (0.18, -0.46), (0.3, -0.7)], "plain")),
        fill(box(0.13, -0.3, 0.36, -0.05), "body"),
        line([(0.13, -0.24), (0.36, -0.24)], 0.012),
    ]


def hoodie(s: float) -> list[Part]:
    hem = 0.72 + 0.14 * s
    return [
        fill(smooth([(-0.36, -0.6), (-0.3, -0.95), (0, -1.02), (0.3, -0.95), (0.36, -0.6)]), "plain"),
        *_long_sleeves(s),
        fill(box(-0.47, hem - 0.1, 0.47, hem + 0.02, 0.04), "tone"),
        fill(smooth([(-0.2, -0.72), (0, -0.92), (0.2, -0.72), (0, -0.5)]), "dark"),
        line(
            curve([(-0.26, -0.78), (-0.16, -0.55), (0, -0.44), (0.16, -0.55), (0.26, -0.78)]),
            0.07,
            "plain",
        ),
        fill([(-0.2, 0.16), (0.2, 0.16), (0.34, 0.52), (-0.34, 0.52)], "tone"),
        *both(line([(0.08, -0.46), (0.1, -0.12)], 0.025, "light")),
    ]


def jacket(s: float) -> list[Part]:
    hem = 0.72 + 0.14 * s
    return [
        *_long_sleeves(s, "accent"),
        fill([(-0.13, -0.78), (0.13, -0.78), (0.0, -0.42)], "dark"),
        line([(0, -0.45), (0, hem)], 0.045, "metal"),
        *both(fill([(0.14, -0.88), (0.3, -0.78), (0.27, -0.28), (0.02, -0.42)], "tone")),
        *both(line([(0.38, 0.22), (0.24, 0.5)], 0.035, "dark")),
        *both(fill(box(0.16, -0.2, 0.36, 0.0, 0.02), "plain")),
        *both(fill(ellipse((0.26, -0.15), 0.02), "metal")),
        fill(box(-0.46, hem - 0.08, -0.025, hem + 0.02), "tone"),
        fill(box(0.025, hem - 0.08, 0.46, hem + 0.02), "tone"),
    ]


def _legs(bottom: float, flare: float) -> list[Part]:
    leg = [(0.4, -0.82), (0.5, -0.4), (0.48 + flare, bottom), (0.12 - flare / 3, bottom), (0.02, -0.2)]
    return [
        fill(symmetric(leg)),
        fill(box(-0.41, -0.9, 0.41, -0.77, 0.02), "tone"),
        *both(line(curve([(0.4, -0.62), (0.28, -0.6), (0.23, -0.77)]), 0.018)),
        line(curve([(0.0, -0.77), (0.0, -0.2)]), 0.018),
        line(curve([(0.07, -0.77), (0.07, -0.45), (0, -0.36)]), 0.012),
        fill(ellipse((0, -0.835), 0.032), "metal"),
        *both(line([(0.26, -0.78), (0.26, -0.9)], 0.035, "dark")),
    ]


def trousers(s: float) -> list[Part]:
    flare = 0.1 * s - 0.04
    hem = both(line([(0.12 - flare / 3, 0.88), (0.48 + flare, 0.88)], 0.025, "accent"))
    return [*_legs(0.96, flare), *both(line([(0.28, -0.3), (0.3, 0.8)], 0.014, "shade")), *hem]


def shorts(s: float) -> list[Part]:
    bottom = 0.12 + 0.2 * s
    parts = [*_legs(bottom, 0.1), *both(line([(0.1, bottom - 0.06), (0.56, bottom - 0.06)], 0.03, "accent"))]
    return [Part(moved(part.points, 0, 0.38, 1.15), part.paint, part.width) for part in parts]


def dress(s: float) -> list[Part]:
    hem = 0.6 + 0.32 * s
    half = [
        (0.15, -0.92),
        (0.29, -0.92),
        (0.27, -0.6),
        (0.33, -0.42),
        (0.23, -0.12),
        (0.42, 0.25),
        (0.7, hem),
    ]
    scallop = [(x, hem + 0.05 * (1 + np.cos(6 * np.pi * x / 0.7)) / 2) for x in np.linspace(0.7, 0, 14)]
    return [
        fill(symmetric([*half, (0.7, hem), *scallop])),
        fill(symmetric([(0.15, -0.93), (0.12, -0.7), (0.0, -0.58)]), "tone"),
        fill(box(-0.245, -0.17, 0.245, -0.06, 0.02), "accent"),
        *both(line([(0.1, -0.02), (0.3, hem - 0.02)], 0.016, "shade")),
        line([(0, 0.0), (0.03, hem - 0.02)], 0.016, "shade"),
        line([(0.12, -0.11), (0.2, 0.1)], 0.04, "accent"),
    ]


def skirt(s: float) -> list[Part]:
    hem = 0.42 + 0.4 * s
    wide = 0.68 + 0.22 * (1 - s)
    pleats = [line([(x * 0.42, -0.5), (x * wide, hem - 0.03)], 0.016) for x in np.linspace(-0.7, 0.7, 5)]
    return [
        fill(symmetric([(0.34, -0.6), (0.5, -0.25), (wide, hem), (wide * 0.5, hem + 0.06), (0, hem + 0.08)])),
        *pleats,
        fill(box(-0.36, -0.72, 0.36, -0.56, 0.03), "accent"),
        fill(ellipse((0.24, -0.64), 0.035), "metal"),
    ]


def cap(s: float) -> list[Part]:
    dome = [(-0.72, 0.3), (-0.7, -0.1), (-0.45, -0.5), (0, -0.62), (0.36, -0.5), (0.55, -0.12), (0.56, 0.28)]
    length = 0.9 + 0.1 * s
    brim = smooth([(0.05, 0.22), (0.5, 0.12), (length, 0.3), (length + 0.02, 0.42), (0.6, 0.4), (0.1, 0.36)])
    return [
        fill([*map(tuple, curve(dome)), (-0.1, 0.36)]),
        line(curve([(-0.08, -0.61), (-0.36, -0.2), (-0.42, 0.3)]), 0.018),
        line(curve([(-0.08, -0.61), (0.16, -0.2), (0.18, 0.28)]), 0.018),
        fill(brim, "accent"),
        fill(ellipse((-0.07, -0.64), 0.07, 0.045), "accent"),
        fill(ellipse((0.36, -0.08), 0.1, 0.12), "light"),
        line(curve([(-0.72, 0.29), (-0.2, 0.38), (0.2, 0.33)]), 0.03),
    ]


def scarf(s: float) -> list[Part]:
    low = 0.55 + 0.25 * s
    tails = [((0.02, 0.42), low, 0.12), ((-0.4, 0.0), low - 0.2, -0.16)]
    parts: list[Part] = []
    for (left, right), bottom, lean in tails:
        parts.append(fill([(left, -0.4), (right, -0.4), (right + lean, bottom), (left + lean, bottom)]))
        fringe = np.linspace(left + lean + 0.02, right + lean - 0.02, 8)
        parts += [line([(x, bottom), (x + 0.01, bottom + 0.16)], 0.026, "plain") for x in fringe]
    ring = smooth([(-0.62, -0.55), (-0.3, -0.9), (0.3, -0.9), (0.62, -0.55), (0.4, -0.22), (-0.4, -0.22)])
    return [
        *parts,
        fill(ring),
        fill(smooth([(-0.34, -0.66), (0, -0.82), (0.34, -0.66), (0, -0.52)]), "dark"),
        line(curve([(-0.55, -0.5), (0, -0.36), (0.55, -0.5)]), 0.018),
        line(curve([(-0.4, -0.26), (0.1, -0.3), (0.44, -0.38)]), 0.018, "shade"),
    ]


def socks(s: float) -> list[Part]:
    top = -0.95 + 0.3 * (1 - s)
    leg = [(-0.28, top), (0.1, top), (0.12, 0.2), (0.42, 0.48), (0.5, 0.68), (0.36, 0.82), (0.1, 0.76)]
    outline = np.concatenate([leg[:2], curve([*leg[2:], (-0.2, 0.5), (-0.3, 0.3), (-0.28, 0.1)])])
    sock = [
        fill(outline),
        fill(box(-0.3, top - 0.04, 0.12, top + 0.16, 0.03), "accent"),
        fill(smooth([(0.36, 0.42), (0.5, 0.6), (0.48, 0.78), (0.34, 0.82), (0.26, 0.62)]), "accent"),
        fill(smooth([(-0.3, 0.16), (-0.1, 0.3), (-0.08, 0.52), (-0.22, 0.5), (-0.31, 0.34)]), "accent"),
    ]
    behind = [Part(moved(part.points, -0.38, -0.04), part.paint, part.width) for part in sock]
    return [*behind, *[Part(moved(part.points, 0.3, 0.06), part.paint, part.width) for part in sock]]


CLOTHING = {
    "t_shirt": t_shirt,
    "shirt": shirt,
    "hoodie": hoodie,
    "jacket": jacket,
    "trousers": trousers,
    "shorts": shorts,
    "dress": dress,
    "skirt": skirt,
    "cap": cap,
    "scarf": scarf,
    "socks": socks,
}
