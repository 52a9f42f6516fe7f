"""How shoes, bags and an umbrella look: one function per kind; `s` in [0, 1] is the product's own cut."""

import numpy as np

from mmsearch_dagster.demo_shop.drawings.geometry import Part, both, box, curve, ellipse, fill, line, smooth


def sneakers(s: float) -> list[Part]:
    collar = -0.42 - 0.12 * s
    upper = [(-0.86, 0.3), (-0.88, -0.1), (-0.84, collar), (-0.5, collar + 0.1), (-0.22, collar - 0.06)]
    upper += [(-0.05, -0.26), (0.3, -0.02), (0.72, 0.08), (0.92, 0.24), (0.92, 0.34)]
    sole = [(-0.92, 0.26), (-0.3, 0.3), (0.4, 0.28), (0.97, 0.28), (0.95, 0.46), (0.7, 0.5), (-0.84, 0.5)]
    laces = [
        line([(-0.1 + i * 0.13, -0.34 + i * 0.09), (-0.16 + i * 0.12, -0.1 + i * 0.07)], 0.04, "light")
        for i in range(4)
    ]
    return [
        fill([(-0.5, -0.3), (-0.28, collar - 0.16), (-0.08, collar + 0.02), (0.02, -0.2)], "tone"),
        fill(smooth(upper)),
        fill(smooth([(0.5, 0.06), (0.78, 0.1), (0.94, 0.3), (0.6, 0.3), (0.44, 0.2)]), "light"),
        line(curve([(-0.5, 0.26), (-0.2, 0.1), (0.22, -0.08)]), 0.09, "accent"),
        line(curve([(-0.28, 0.28), (-0.02, 0.14), (0.34, 0.0)]), 0.05, "accent"),
        fill(smooth([(-0.88, -0.12), (-0.7, -0.1), (-0.64, 0.26), (-0.88, 0.28)]), "accent"),
        *laces,
        fill(smooth(sole), "light"),
        line([(-0.88, 0.46), (0.92, 0.45)], 0.05, "dark"),
    ]


def boots(s: float) -> list[Part]:
    top = -0.72 - 0.2 * s
    upper = [(-0.5, top), (0.12, top), (0.14, -0.05), (0.4, 0.18), (0.8, 0.28), (0.9, 0.56), (-0.5, 0.56)]
    laces = [line([(-0.08, y), (0.13, y + 0.04)], 0.035, "light") for y in np.arange(top + 0.25, 0.05, 0.15)]
    return [
        fill(np.concatenate([upper[:3], curve(upper[3:6]), upper[6:]])),
        fill(box(-0.52, top - 0.05, 0.14, top + 0.1, 0.04), "accent"),
        line([(-0.1, top + 0.1), (-0.08, 0.05), (0.08, 0.2)], 0.016),
        *laces,
        line(curve([(-0.5, 0.2), (-0.2, 0.26), (0.0, 0.54)]), 0.016),
        fill([(-0.55, 0.54), (0.93, 0.54), (0.95, 0.66), (-0.1, 0.68), (-0.14, 0.82), (-0.55, 0.82)], "dark"),
        line(curve([(-0.56, top + 0.02), (-0.64, top + 0.1), (-0.5, top + 0.2)]), 0.03),
    ]


def sandals(s: float) -> list[Part]:
    heel = 0.1 * s
    sole = [
        (-0.9, 0.34 - heel),
        (-0.3, 0.42),
        (0.3, 0.4),
        (0.92, 0.34),
        (0.95, 0.5),
        (0.4, 0.56),
        (-0.86, 0.56),
    ]
    return [
        line(curve([(-0.86, 0.3), (-0.84, -0.1), (-0.6, -0.22), (-0.32, -0.16)]), 0.13, "plain"),
        line(
            curve([(-0.5, 0.38), (-0.42, 0.0), (-0.24, -0.34), (-0.12, -0.2), (0.0, 0.36)]),
            0.15,
            "body",
        ),
        line(curve([(0.2, 0.38), (0.36, 0.02), (0.52, -0.02), (0.72, 0.34)]), 0.22, "body"),
        line(curve([(-0.12, -0.2), (0.1, 0.0), (0.4, 0.04)]), 0.09, "accent"),
        fill(smooth(sole), "wood"),
        line(curve([(-0.86, 0.54), (-0.2, 0.57), (0.92, 0.5)]), 0.07, "dark"),
        fill(box(-0.5, -0.14, -0.34, 0.02, 0.03), "metal"),
    ]


def high_heels(s: float) -> list[Part]:
    lift = -0.2 - 0.2 * s
    shoe = [(-0.85, lift - 0.2), (-0.5, lift + 0.1), (0.0, 0.22), (0.3, 0.12), (0.7, 0.26), (0.96, 0.52)]
    shoe += [(0.9, 0.58), (0.3, 0.57), (-0.2, 0.4), (-0.55, 0.22 + lift / 3), (-0.88, 0.12 + lift / 3)]
    return [
        fill([(-0.88, lift + 0.14), (-0.6, lift + 0.3), (-0.76, 0.58), (-0.86, 0.58)], "tone"),
        fill(smooth(shoe)),
        line(curve([(-0.5, 0.28 + lift / 3), (-0.1, 0.48), (0.3, 0.59), (0.9, 0.6)]), 0.05, "dark"),
        line(
            curve([(-0.82, lift - 0.14), (-0.5, lift + 0.12), (0.0, 0.24), (0.3, 0.14)]),
            0.035,
            "accent",
        ),
        fill(ellipse((0.44, 0.16), 0.09, 0.06), "accent"),
        fill(ellipse((0.33, 0.13), 0.08, 0.06), "accent"),
    ]


def backpack(s: float) -> list[Part]:
    return [
        *both(line(curve([(0.5, -0.5), (0.8, -0.1), (0.72, 0.6)]), 0.13, "tone")),
        line(ellipse((0, -0.84), 0.16, 0.14, (180, 360)), 0.07, "dark"),
        fill(
            smooth(
                [
                    (-0.56, 0.84),
                    (-0.62, 0.1),
                    (-0.5, -0.62),
                    (0, -0.88),
                    (0.5, -0.62),
                    (0.62, 0.1),
                    (0.56, 0.84),
                ]
            )
        ),
        line(curve([(-0.5, 0.0), (-0.46, -0.46), (0, -0.68), (0.46, -0.46), (0.5, 0.0)]), 0.028, "dark"),
        fill(box(-0.44, 0.12 - 0.1 * s, 0.44, 0.78, 0.12), "accent"),
        line([(-0.4, 0.3 - 0.1 * s), (0.4, 0.3 - 0.1 * s)], 0.035, "dark"),
        line([(0.3, 0.3 - 0.1 * s), (0.3, 0.44 - 0.1 * s)], 0.035, "metal"),
        fill(box(-0.12, -0.36, 0.12, -0.2, 0.03), "light"),
    ]


def handbag(s: float) -> list[Part]:
    rise = 0.62 + 0.2 * s
    return [
        line(ellipse((0, -0.2), 0.36, rise, (180, 360)), 0.075, "tone"),
        fill(smooth([(-0.62, -0.24), (0.62, -0.24), (0.8, 0.62), (0.6, 0.76), (-0.6, 0.76), (-0.8, 0.62)])),
        fill(smooth([(-0.64, -0.24), (0.64, -0.24), (0.6, 0.08), (0, 0.3), (-0.6, 0.08)]), "accent"),
        *both(fill(ellipse((0.36, -0.18), 0.055), "metal")),
        fill(box(-0.09, 0.18, 0.09, 0.38, 0.03), "metal"),
        line(curve([(-0.72, 0.62), (0, 0.68), (0.72, 0.62)]), 0.012),
    ]


def tote_bag(s: float) -> list[Part]:
    rise = 0.6 + 0.25 * s
    return [
        line(curve([(-0.3, -0.15), (-0.22, -rise), (0.22, -rise), (0.3, -0.15)]), 0.07, "tone"),
        fill([(-0.62, -0.22), (0.62, -0.22), (0.68, 0.88), (-0.68, 0.88)]),
        fill([(-0.62, -0.24), (0.62, -0.24), (0.626, -0.14), (-0.626, -0.14)], "plain"),
        line(
            curve([(-0.36, -0.02), (-0.3, -rise + 0.08), (0.3, -rise + 0.08), (0.36, -0.02)]),
            0.085,
            "accent",
        ),
        *both(fill(box(0.29, -0.08, 0.43, 0.06), "accent")),
        line([(-0.5, 0.0), (-0.46, 0.5), (-0.52, 0.84)], 0.016, "shade"),
    ]


def suitcase(s: float) -> list[Part]:
    ribs = np.linspace(-0.34, 0.34, 4 + int(2 * s))
    return [
        *both(line([(0.2, -0.98), (0.2, -0.5)], 0.05, "metal")),
        line([(-0.22, -0.98), (0.22, -0.98)], 0.085, "dark"),
        *both(fill(ellipse((0.4, 0.9), 0.1), "dark")),
        fill(box(-0.56, -0.66, 0.56, 0.84, 0.14)),
        *[line([(x, -0.58), (x, 0.76)], 0.022) for x in ribs],
        fill(box(-0.18, -0.74, 0.18, -0.64, 0.04), "dark"),
        *both(fill(box(0.42, -0.7, 0.6, -0.5, 0.08), "accent")),
        *both(fill(box(0.42, 0.68, 0.6, 0.88, 0.08), "accent")),
        fill(box(-0.1, -0.02, 0.1, 0.1, 0.02), "metal"),
    ]


def umbrella(s: float) -> list[Part]:
    edge = np.linspace(-0.95, 0.95, 41)
    scallops = [(x, 0.02 - 0.1 * abs(np.sin((x + 0.95) / 1.9 * 4 * np.pi))) for x in edge[::-1]]
    dome = ellipse((0, 0.0), 0.95, 0.72 + 0.15 * s, (180, 360))
    rise = -0.72 - 0.15 * s
    hook = [(0.0, 0.7), (0.0, 0.84), (0.1, 0.95), (0.22, 0.9), (0.24, 0.76)]
    return [
        line([(0, rise - 0.1), (0, 0.72)], 0.045, "metal"),
        line(curve(hook), 0.085, "wood"),
        fill(np.concatenate([dome, scallops])),
        *both(line(curve([(0, rise), (0.36, -0.45), (0.475, 0.0)]), 0.018)),
        line([(0, rise), (0, 0.0)], 0.018),
        fill([(-0.06, rise + 0.03), (0, rise - 0.14), (0.06, rise + 0.03)], "accent"),
    ]


CARRIED = {
    "sneakers": sneakers,
    "boots": boots,
    "sandals": sandals,
    "high_heels": high_heels,
    "backpack": backpack,
    "handbag": handbag,
    "tote_bag": tote_bag,
    "suitcase": suitcase,
    "umbrella": umbrella,
}
