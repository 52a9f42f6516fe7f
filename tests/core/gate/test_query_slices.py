"""Which queries belong to which slice."""

import polars as pl

from mmsearch_dagster.core.gate.query_slices import slices_of

PRODUCTS = pl.DataFrame(
    {
        "product_id": ["P1", "P2", "P3"],
        "category": ["Shoes > Boots", "Shoes", None],
        "image_uris": [["a.png"], [], None],
        "description": ["Warm.", " ", None],
        "audio_uri": [None, None, None],
        "video_uri": ["a.mp4", "b.mp4", None],
        "brand": ["Acme", "acme ", None],
    },
    schema_overrides={"image_uris": pl.List(pl.String), "audio_uri": pl.String},
)
TEXTS = {"q1": "red boots", "q2": "红色运动鞋", "q3": None}
GRADES = {"q1": {"P1": 3, "P2": 1}, "q2": {"P2": 2}, "q3": {"P3": 3}}


def test_a_query_is_in_the_slices_of_its_words_and_of_its_best_products() -> None:
    slices = slices_of(TEXTS, GRADES, PRODUCTS, None)
    assert slices == {
        "language=en": ("q1",),
        "language=zh": ("q2",),
        "category=Shoes": ("q1", "q2"),
        "missing=image": ("q2", "q3"),
        "missing=text": ("q2", "q3"),
        "missing=video": ("q3",),
    }, "no product has a sound: nothing is missing there"


def test_the_log_says_what_is_cold_and_what_is_beyond_the_most_popular() -> None:
    log = pl.Series(["P1"] * 9 + ["P2"])
    slices = slices_of(TEXTS, GRADES, PRODUCTS, log)
    assert slices["cold_items"] == ("q3",)
    assert slices["long_tail"] == ("q2", "q3")
