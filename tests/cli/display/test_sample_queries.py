"""Which queries the end of a run shows."""

from pathlib import Path

import polars as pl

from mmsearch_dagster.cli.display.sample_queries import BOTH, CHINESE, PHOTO, VOICE, WORDS, Example, examples
from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.catalog import schemas

PRODUCTS = pl.DataFrame(
    {col.PRODUCT_ID: ["A", "B"], col.TITLE: [None, "red mug"], col.IMAGE_URIS: [["a.jpg"], []]},
    schema={col.PRODUCT_ID: pl.String, col.TITLE: pl.String, col.IMAGE_URIS: pl.List(pl.String)},
)


def judged(*rows: dict[str, str]) -> pl.DataFrame:
    numbered = [{col.QUERY_ID: f"q{n}", col.SPLIT: "train", **row} for n, row in enumerate(rows)]
    return pl.DataFrame(numbered, schema=schemas.JUDGMENTS)


def found(queries: pl.DataFrame, root: Path, products: pl.DataFrame = PRODUCTS) -> dict[str, Example]:
    for name in ("a.jpg", "p.jpg", "v.wav"):
        (root / name).write_bytes(name.encode())
    return {one.kind: one for one in examples(queries, products, root)}


def test_one_judged_query_of_each_kind(tmp_path: Path) -> None:
    told = found(
        judged(
            {col.QUERY_TEXT: "红色玩具车"},
            {col.QUERY_TEXT: "blue hat"},
            {col.QUERY_TEXT: "green hat", col.SPLIT: "validation"},
            {col.IMAGE: "p.jpg"},
            {col.AUDIO: "v.wav"},
            {col.QUERY_TEXT: "in grey", col.IMAGE: "p.jpg"},
        ),
        tmp_path,
    )

    assert {kind: one.name for kind, one in told.items()} == {
        WORDS: "green hat",
        PHOTO: "p.jpg",
        BOTH: "in grey + p.jpg",
        VOICE: "v.wav",
        CHINESE: "红色玩具车",
    }
    spoken = told[VOICE].query
    assert spoken is not None
    assert spoken.audio == b"v.wav"


def test_without_judged_ones_products_ask_and_voice_and_chinese_are_left_out(tmp_path: Path) -> None:
    told = found(judged(), tmp_path)

    assert (told[WORDS].name, told[PHOTO].name, told[BOTH].name) == ("red mug", "a.jpg", "red mug + a.jpg")
    assert told[VOICE].query is told[CHINESE].query is None


def test_a_recording_that_is_gone_and_an_empty_catalogue_ask_nothing(tmp_path: Path) -> None:
    told = found(judged({col.AUDIO: "gone.wav"}), tmp_path, PRODUCTS.head(0))

    assert all(one.query is None for one in told.values())
