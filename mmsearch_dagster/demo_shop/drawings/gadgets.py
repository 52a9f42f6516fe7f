"""How electronics and watches look: one function per kind; `s` in [0, 1] is the product's own cut."""

from mmsearch_dagster.demo_shop.drawings.geometry import Part, both, box, ellipse, fill, line


def headphones(s: float) -> list[Part]:
    cup = 0.3 + 0.06 * s
    return [
        line(ellipse((0, 0.1), 0.66, 0.84, (180, 360)), 0.13, "body"),
        line(ellipse((0, 0.1), 0.58, 0.74, (205, 335)), 0.08, "dark"),
        *both(line([(0.66, -0.05), (0.66, 0.3)], 0.07, "metal")),
        *both(fill(box(0.4, 0.36 - cup, 0.58, 0.36 + cup, 0.08), "dark")),
        *both(fill(box(0.54, 0.36 - cup, 0.86, 0.36 + cup, 0.14))),
        *both(fill(ellipse((0.71, 0.36), 0.09, 0.14), "accent")),
    ]


def phone(s: float) -> list[Part]:
    return [
        fill(box(-0.47, -0.95, 0.47, 0.95, 0.12), "plain"),
        fill(box(-0.41, -0.88, 0.41, 0.88, 0.08), "dark"),
        fill(box(-0.38, -0.72, 0.38, 0.7, 0.02), "plain"),
        *[
            fill(box(x, y, x + 0.15, y + 0.15, 0.04), "accent" if (i + j) % 2 else "light")
            for i, x in enumerate((-0.32, -0.08, 0.16))
            for j, y in enumerate((-0.05, 0.18, 0.41))
        ],
        line([(-0.22, -0.5), (0.22, -0.5)], 0.09, "light"),
        line([(-0.1, 0.79), (0.1, 0.79)], 0.03, "light"),
        fill(ellipse((0, -0.8), 0.03), "glass"),
        fill([(-0.38, -0.72), (0.05 + 0.2 * s, -0.72), (-0.38, 0.2)], "shine"),
    ]


def phone_case(s: float) -> list[Part]:
    lenses = [(-0.25, -0.66), (-0.25, -0.42), (-0.05, -0.54)]
    return [
        fill(box(-0.5, -0.95, 0.5, 0.95, 0.17)),
        line(box(-0.47, -0.92, 0.47, 0.92, 0.15), 0.05, "plain"),
        fill(box(-0.4, -0.82, 0.1, -0.28, 0.12), "dark"),
        *[fill(ellipse(at, 0.085), "metal") for at in lenses],
        *[fill(ellipse(at, 0.05), "glass") for at in lenses],
        line([(0.5, -0.4), (0.5, -0.4 + 0.2 + 0.1 * s)], 0.05, "accent"),
        line([(-0.5, -0.1), (-0.5, 0.1)], 0.05, "accent"),
    ]


def laptop(s: float) -> list[Part]:
    keys = [
        line([(-0.62 - 0.1 * i, 0.36 + 0.09 * i), (0.62 + 0.1 * i, 0.36 + 0.09 * i)], 0.045, "dark")
        for i in range(3)
    ]
    return [
        fill(box(-0.74, -0.72, 0.74, 0.26, 0.06)),
        fill(box(-0.66, -0.64, 0.66, 0.18, 0.02), "dark"),
        fill(box(-0.62, -0.6, 0.62, 0.14), "glass"),
        fill(box(-0.5, -0.48, 0.0 + 0.2 * s, -0.1, 0.02), "light"),
        line([(-0.5, 0.04), (0.3, 0.04)], 0.045, "accent"),
        fill([(-0.74, 0.27), (0.74, 0.27), (1.0, 0.74), (-1.0, 0.74)], "plain"),
        *keys,
        fill([(-0.2, 0.6), (0.2, 0.6), (0.23, 0.71), (-0.23, 0.71)], "tone"),
        fill([(-1.0, 0.74), (1.0, 0.74), (0.98, 0.81), (-0.98, 0.81)], "tone"),
    ]


def watch(s: float) -> list[Part]:
    radius = 0.42 + 0.06 * s
    inner, outer = ellipse((0, 0), 0.66 * radius)[::3], ellipse((0, 0), 0.8 * radius)[::3]
    ticks = [line([a, b], 0.03, "dark") for a, b in zip(inner, outer, strict=True)]
    return [
        fill([(-0.24, -0.98), (0.24, -0.98), (0.32, 0.0), (0.22, 0.98), (-0.22, 0.98), (-0.32, 0.0)]),
        *[fill(ellipse((0, y), 0.028, 0.035), "dark") for y in (0.6, 0.72, 0.84)],
        fill(box(-0.28, -0.98, 0.28, -0.84, 0.03), "metal"),
        fill(box(radius, -0.06, radius + 0.12, 0.06, 0.02), "metal"),
        fill(ellipse((0, 0), radius + 0.07), "metal"),
        fill(ellipse((0, 0), radius), "accent"),
        fill(ellipse((0, 0), radius * 0.88), "light"),
        *ticks,
        line([(0, 0), (0.17, -0.16)], 0.045, "dark"),
        line([(0, 0), (-0.1, -0.3)], 0.03, "dark"),
        fill(ellipse((0, 0), 0.035), "accent"),
    ]


def camera(s: float) -> list[Part]:
    lens = 0.36 + 0.06 * s
    return [
        fill(box(-0.62, -0.64, -0.4, -0.48, 0.03), "metal"),
        fill([(-0.26, -0.48), (-0.18, -0.72), (0.2, -0.72), (0.28, -0.48)], "plain"),
        fill(box(-0.92, -0.52, 0.92, 0.6, 0.12)),
        fill(box(-0.92, -0.5, 0.92, -0.3, 0.06), "metal"),
        fill(ellipse((0.02, 0.08), lens + 0.09), "tone"),
        fill(ellipse((0.02, 0.08), lens), "dark"),
        line(ellipse((0.02, 0.08), lens * 0.84), 0.03, "metal"),
        fill(ellipse((0.02, 0.08), lens * 0.56), "glass"),
        fill(ellipse((0.02, 0.08), lens * 0.3), "dark"),
        fill(ellipse((-0.08, -0.04), 0.06), "light"),
        fill(box(0.52, -0.46, 0.78, -0.32, 0.02), "light"),
        fill(ellipse((-0.72, -0.4), 0.05), "accent"),
    ]


GADGETS = {
    "headphones": headphones,
    "phone": phone,
    "phone_case": phone_case,
    "laptop": laptop,
    "watch": watch,
    "camera": camera,
}
