"""How toys look: one function per kind; `s` in [0, 1] is the product's own cut."""

import numpy as np

from mmsearch_dagster.demo_shop.drawings.geometry import Part, both, curve, ellipse, fill, line, smooth


def teddy_bear(s: float) -> list[Part]:
    belly = 0.4 + 0.06 * s
    return [
        *both(fill(ellipse((0.36, -0.78), 0.18))),
        *both(fill(ellipse((0.36, -0.78), 0.1), "accent")),
        *both(fill(smooth([(0.3, -0.08), (0.62, 0.0), (0.76, 0.3), (0.6, 0.4), (0.36, 0.26)]))),
        fill(ellipse((0, 0.36), belly, 0.46)),
        fill(ellipse((0, 0.38), belly - 0.16, 0.28), "light"),
        *both(fill(ellipse((0.42, 0.76), 0.24, 0.2))),
        *both(fill(ellipse((0.44, 0.78), 0.12, 0.1), "accent")),
        fill(ellipse((0, -0.46), 0.46, 0.42)),
        fill(ellipse((0, -0.32), 0.2, 0.16), "light"),
        fill(ellipse((0, -0.4), 0.07, 0.05), "dark"),
        line(ellipse((0, -0.34), 0.08, 0.08, (20, 160)), 0.02, "dark"),
        *both(fill(ellipse((0.18, -0.54), 0.05), "dark")),
        *both(fill([(0.0, -0.06), (0.2, -0.14), (0.2, 0.04)], "accent")),
    ]


def toy_car(s: float) -> list[Part]:
    roof = -0.42 - 0.14 * s
    cabin = [(-0.52, 0.0), (-0.36, roof), (0.26, roof), (0.52, 0.0)]
    return [
        fill(cabin, "plain"),
        fill([(-0.42, -0.03), (-0.3, roof + 0.08), (-0.06, roof + 0.08), (-0.06, -0.03)], "glass"),
        fill([(0.02, -0.03), (0.02, roof + 0.08), (0.22, roof + 0.08), (0.42, -0.03)], "glass"),
        fill(
            smooth(
                [
                    (-0.92, 0.36),
                    (-0.92, 0.06),
                    (-0.5, -0.04),
                    (0.5, -0.04),
                    (0.9, 0.1),
                    (0.94, 0.36),
                    (0, 0.4),
                ]
            )
        ),
        line([(-0.86, 0.24), (0.88, 0.24)], 0.05, "accent"),
        fill(ellipse((0.86, 0.12), 0.06, 0.05), "yolk"),
        line([(-0.02, 0.02), (-0.02, 0.36)], 0.014),
        *both(fill(ellipse((0.5, 0.4), 0.22), "dark")),
        *both(fill(ellipse((0.5, 0.4), 0.11), "metal")),
    ]


def ball(s: float) -> list[Part]:
    bow = 0.3 + 0.15 * s
    corner = [np.radians(36 * i) for i in range(10)]
    star = [(np.sin(a) * r, 0.06 - np.cos(a) * r) for a, r in zip(corner, [0.3, 0.13] * 5, strict=True)]
    return [
        fill(ellipse((0, 0), 0.84)),
        *both(line(curve([(0.42, -0.68), (bow, 0.0), (0.42, 0.68)]), 0.07, "accent")),
        line(curve([(-0.79, 0.0), (0, 0.12), (0.79, 0.0)]), 0.07, "accent"),
        fill(ellipse((0, 0.06), 0.34), "light"),
        fill(star, "accent"),
        fill(ellipse((-0.34, -0.5), 0.16, 0.09), "shine"),
    ]


def rubber_duck(s: float) -> list[Part]:
    head = 0.34 + 0.05 * s
    body = [
        (-0.95, -0.12),
        (-0.6, 0.06),
        (-0.1, 0.0),
        (0.3, -0.06),
        (0.62, 0.2),
        (0.5, 0.62),
        (0, 0.76),
        (-0.6, 0.62),
    ]
    return [
        fill(smooth(body)),
        fill([(0.5, -0.46), (0.96, -0.36), (0.94, -0.24), (0.5, -0.22)], "yolk"),
        fill(ellipse((0.28, -0.38), head)),
        fill(ellipse((0.42, -0.48), 0.075), "light"),
        fill(ellipse((0.44, -0.48), 0.04), "dark"),
        fill(smooth([(-0.5, 0.24), (-0.1, 0.14), (0.16, 0.26), (-0.06, 0.5), (-0.38, 0.5)]), "accent"),
        line([(0.5, -0.3), (0.9, -0.29)], 0.014, "dark"),
    ]


def kite(s: float) -> list[Part]:
    wide = 0.56 + 0.12 * s
    tail = curve([(0, 0.42), (0.14, 0.58), (-0.08, 0.74), (0.1, 0.98)])
    bows = [
        fill([(x, y), (x + side, y - 0.07), (x + side, y + 0.07)], "accent")
        for x, y in ((0.1, 0.6), (-0.06, 0.78))
        for side in (-0.13, 0.13)
    ]
    return [
        line(tail, 0.025, "dark"),
        *bows,
        fill([(0, -0.95), (wide, -0.34), (0, 0.45), (-wide, -0.34)]),
        fill([(0, -0.95), (wide, -0.34), (0, -0.34)], "accent"),
        line([(0, -0.95), (0, 0.45)], 0.03, "wood"),
        line([(-wide, -0.34), (wide, -0.34)], 0.03, "wood"),
    ]


TOYS = {
    "teddy_bear": teddy_bear,
    "toy_car": toy_car,
    "ball": ball,
    "rubber_duck": rubber_duck,
    "kite": kite,
}
