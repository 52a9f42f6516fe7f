"""A small catalogue as the index is given it."""

import numpy as np
import polars as pl

COLOURS = ("red", "blue", "green", "black", "white")
KINDS = ("running shoes", "leather bag", "wool scarf", "desk lamp")
WIDTH = 16


def unit_rows(n: int, width: int = WIDTH, seed: int = 0) -> np.ndarray:
    """float32 [n, width], unit rows, in clusters as embeddings are."""
    generator = np.random.default_rng(seed)
    centres = generator.standard_normal((64, width))
    rows = centres[generator.integers(0, 64, n)] + 0.6 * generator.standard_normal((n, width))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def catalogue(n: int = 60, *, width: int = WIDTH, seed: int = 0) -> pl.DataFrame:
    """n products; every seventh without a picture, every fifth without a price."""
    rows = range(n)
    titles = [f"{COLOURS[i % 5]} {KINDS[i % 4]} model {i}" for i in rows]
    vectors = unit_rows(n, width, seed)
    frame = pl.DataFrame(
        {
            "product_id": [f"p{i:05d}" for i in rows],
            "title": titles,
            "search_text": [
                f"{title}. 红色运动鞋" if i % 4 == 0 else title for i, title in enumerate(titles)
            ],
            "category": [f"Shop > {KINDS[i % 4].title()}" for i in rows],
            "brand": [("Aero", "O'Neill", 'Quo"te', None)[i % 4] for i in rows],
            "price": [None if i % 5 == 0 else float(i) for i in rows],
            "currency": ["EUR"] * n,
            "in_stock": [i % 3 != 0 for i in rows],
            "image_uris": [[f"images/{i}.jpg"] for i in rows],
            "attributes": [[{"key": "colour", "value": COLOURS[i % 5]}] for i in rows],
        }
    )
    pictured = [
        None if i % 7 == 0 else vector.tolist() for i, vector in enumerate(unit_rows(n, width, seed + 1))
    ]
    return frame.with_columns(
        pl.Series("vector", vectors),
        pl.Series("image_vector", pictured, dtype=pl.List(pl.Float32)),
    )


def filtered_rows() -> pl.DataFrame:
    """The four products of docs/filters.md."""
    rows = (
        (
            "p1",
            "Red sneakers",
            "Clothing > Shoes > Sneakers",
            "Aero",
            10.0,
            True,
            {"color": "red", "size": "42"},
        ),
        ("p2", "Blue boots", "Clothing > Shoes", "Aero", 40.0, False, {"color": "blue"}),
        ("p3", "Red hat", "Clothing > Hats", "Maréa", 60.0, True, {"color": "red"}),
        ("p4", "Straw hat", "Clothing > Hats", "Bolt", 25.0, None, {}),
    )
    names = ("product_id", "title", "category", "brand", "price", "in_stock", "attributes")
    columns = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
    pairs = [
        [{"key": key, "value": value} for key, value in one.items()] or None for one in columns["attributes"]
    ]
    kind = pl.List(pl.Struct({"key": pl.String, "value": pl.String}))
    return pl.DataFrame({**columns, "attributes": pl.Series(pairs, dtype=kind)}).with_columns(
        lang=pl.lit("en"), currency=pl.lit("EUR")
    )
