"""How things for the kitchen and the home look: one function per kind; `s` in [0, 1] is its own cut."""

import numpy as np

from mmsearch_dagster.demo_shop.drawings.geometry import (
    Part,
    both,
    box,
    curve,
    ellipse,
    fill,
    line,
    smooth,
    symmetric,
)


def mug(s: float) -> list[Part]:
    half = 0.46 + 0.1 * s
    base = ellipse((-0.12, 0.66), half - 0.03, 0.13, (0, 180))
    return [
        line(
            curve([(half - 0.2, -0.3), (half + 0.22, -0.3), (half + 0.3, 0.1), (half - 0.2, 0.36)]),
            0.13,
            "plain",
        ),
        fill(np.concatenate([[(-0.12 - half, -0.6), (half - 0.12, -0.6)], base])),
        fill(ellipse((-0.12, -0.6), half, 0.14), "light"),
        fill(ellipse((-0.12, -0.58), half - 0.06, 0.1), "tone"),
        fill(ellipse((-0.12, -0.54), half - 0.14, 0.06), "wood"),
        line([(0.08 - half, -0.38), (0.08 - half, 0.5)], 0.07, "shine"),
        line(ellipse((-0.12, -0.6), half, 0.14), 0.03, "accent"),
    ]


def teapot(s: float) -> list[Part]:
    return [
        line(curve([(-0.48, -0.18), (-0.92, -0.24), (-0.94, 0.24), (-0.46, 0.42)]), 0.1, "accent"),
        fill([(0.4, 0.3), (0.5, -0.0), (0.8, -0.38), (0.98, -0.36), (0.84, -0.1), (0.52, 0.5)], "plain"),
        fill(
            smooth(
                [
                    (-0.58, 0.2),
                    (-0.42, -0.28),
                    (0, -0.42),
                    (0.42, -0.28),
                    (0.58, 0.2),
                    (0.36, 0.62),
                    (-0.36, 0.62),
                ]
            )
        ),
        fill(ellipse((0, -0.36), 0.32, 0.2 + 0.08 * s, (180, 360)), "accent"),
        line([(-0.34, -0.36), (0.34, -0.36)], 0.04),
        fill(ellipse((0, -0.64 - 0.06 * s), 0.085), "accent"),
        fill(box(-0.32, 0.6, 0.32, 0.7, 0.03), "tone"),
        line(curve([(-0.36, -0.08), (-0.44, 0.14), (-0.4, 0.34)]), 0.06, "shine"),
    ]


def frying_pan(s: float) -> list[Part]:
    radius = 0.54 + 0.08 * s
    return [
        fill([(0.1, -0.07), (0.95, -0.08), (1.0, 0.0), (0.95, 0.08), (0.1, 0.07)], "dark"),
        fill(box(0.42, -0.08, 0.92, 0.08, 0.07), "accent"),
        fill(ellipse((0.88, 0.0), 0.03), "light"),
        fill(ellipse((-0.28, 0), radius)),
        fill(ellipse((-0.28, 0), radius - 0.1), "dark"),
        line(ellipse((-0.28, 0), radius - 0.18), 0.012, "shine"),
        line(ellipse((-0.28, 0), radius - 0.26, arc=(200, 290)), 0.05, "shine"),
        fill(ellipse((radius - 0.34, 0.04), 0.02), "metal"),
    ]


def bottle(s: float) -> list[Part]:
    shoulder = -0.42 - 0.1 * s
    half = [(0.16, -0.66), (0.2, shoulder - 0.08), (0.36, shoulder + 0.1), (0.36, 0.84), (0.3, 0.92)]
    return [
        line(ellipse((0, -0.88), 0.14, 0.12, (180, 360)), 0.05, "accent"),
        fill(symmetric(half)),
        fill(box(-0.2, -0.9, 0.2, -0.64, 0.05), "accent"),
        *[line([(x, -0.86), (x, -0.68)], 0.016, "shade") for x in (-0.1, 0.0, 0.1)],
        fill(box(-0.365, 0.62, 0.365, 0.74), "metal"),
        line([(-0.22, -0.2), (-0.22, 0.5)], 0.07, "shine"),
    ]


def plate(s: float) -> list[Part]:
    inner = 0.5 + 0.1 * s
    return [
        fill(ellipse((0, 0), 0.9)),
        line(ellipse((0, 0), 0.86), 0.035, "accent"),
        fill(ellipse((0, 0), inner), "light"),
        line(ellipse((0, 0), inner), 0.045, "accent"),
        line(ellipse((0, 0), inner - 0.1), 0.012, "shade"),
        line(ellipse((0, 0), 0.72, arc=(200, 250)), 0.04, "shine"),
    ]


def bowl(s: float) -> list[Part]:
    depth = 0.78 + 0.16 * s
    return [
        fill(box(-0.32, depth - 0.32, 0.32, depth - 0.16, 0.04), "tone"),
        fill(ellipse((0, -0.18), 0.9, depth, (0, 180))),
        fill(ellipse((0, -0.2), 0.9, 0.26), "light"),
        fill(ellipse((0, -0.18), 0.8, 0.19), "tone"),
        line(ellipse((0, -0.2), 0.9, 0.26), 0.035, "accent"),
        line(curve([(-0.68, 0.08), (-0.6, 0.26), (-0.44, 0.42)]), 0.06, "shine"),
    ]


def lamp(s: float) -> list[Part]:
    top = 0.2 + 0.16 * s
    return [
        line([(0, -0.1), (0, 0.8)], 0.065, "metal"),
        fill(ellipse((0, 0.84), 0.42, 0.1), "accent"),
        fill(smooth([(-0.12, 0.76), (0, 0.5), (0.12, 0.76), (0, 0.82)]), "accent"),
        fill(ellipse((0, -0.02), 0.14, 0.12), "yolk"),
        fill([(-top, -0.86), (top, -0.86), (0.66, -0.02), (-0.66, -0.02)]),
        line([(-top, -0.86), (top, -0.86)], 0.04, "accent"),
        line([(-0.66, -0.02), (0.66, -0.02)], 0.05, "accent"),
        line([(0.4, -0.02), (0.4, 0.34)], 0.014, "dark"),
        fill(ellipse((0.4, 0.36), 0.035), "metal"),
    ]


def chair(s: float) -> list[Part]:
    round_top = 0.06 + 0.2 * s
    return [
        *both(line([(0.36, 0.3), (0.4, 0.66)], 0.06, "wood")),
        *both(line([(0.44, -0.1), (0.42, 0.2)], 0.07, "wood")),
        fill(box(-0.5, -0.95, 0.5, -0.06, round_top)),
        fill(box(-0.36, -0.82, 0.36, -0.2, round_top * 0.7), "plain"),
        *both(line([(0.14, -0.8), (0.14, -0.22)], 0.018)),
        fill([(-0.48, 0.08), (0.48, 0.08), (0.62, 0.34), (-0.62, 0.34)]),
        fill(box(-0.62, 0.34, 0.62, 0.44, 0.03), "accent"),
        *both(line([(0.54, 0.44), (0.6, 0.98)], 0.085, "wood")),
    ]


def cushion(s: float) -> list[Part]:
    sag = 0.62 + 0.08 * s
    right = [(0.0, -sag), (0.45, -sag - 0.03), (0.86, -0.82), (sag + 0.1, -0.4), (sag + 0.08, 0.0)]
    right += [(sag + 0.1, 0.4), (0.86, 0.82), (0.45, sag + 0.03), (0.0, sag)]
    return [
        fill(smooth(symmetric(right))),
        line(smooth(symmetric(right)), 0.05, "accent"),
        *both(line(curve([(0.78, -0.7), (0.6, -0.5), (0.5, -0.44)]), 0.018, "shade")),
        *both(line(curve([(0.78, 0.7), (0.6, 0.5), (0.5, 0.44)]), 0.018, "shade")),
        fill(ellipse((0, 0), 0.06), "accent"),
    ]


HOUSE = {
    "mug": mug,
    "teapot": teapot,
    "frying_pan": frying_pan,
    "bottle": bottle,
    "plate": plate,
    "bowl": bowl,
    "lamp": lamp,
    "chair": chair,
    "cushion": cushion,
}
