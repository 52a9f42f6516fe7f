import datetime as dt
import unicodedata

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmsearch_dagster.core.catalog.casting.cast_table import cast_rows
from mmsearch_dagster.core.catalog.casting.instants import as_instant
from mmsearch_dagster.core.catalog.casting.texts import clean_text
from mmsearch_dagster.core.catalog.columns import EMPTIED, ROW, SOURCE
from mmsearch_dagster.core.catalog.schemas import TABLES

TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=40)
NOON = dt.datetime(2024, 6, 4, 12, 0, tzinfo=dt.UTC)


def cast(table: str, **columns: object) -> pl.DataFrame:
    frame = pl.DataFrame(columns)
    frame = frame.with_columns(pl.lit("f.csv").alias(SOURCE), pl.int_range(1, pl.len() + 1).alias(ROW))
    return cast_rows(frame.lazy(), table).collect()


@given(TEXT)
def test_text_is_trimmed_normalised_and_free_of_controls(raw: str):
    (clean,) = pl.select(clean_text(pl.lit(raw))).to_series()
    if clean is None:
        return
    assert clean == clean.strip()
    assert clean == unicodedata.normalize("NFC", clean)
    assert not any(unicodedata.category(letter) == "Cc" for letter in clean)
    assert pl.select(clean_text(pl.lit(clean))).item() == clean


@pytest.mark.parametrize("raw", ["", "  ", "\x00", "\ufeff", "\r\n\t"])
def test_text_of_nothing_is_null(raw: str):
    assert pl.select(clean_text(pl.lit(raw))).item() is None


@pytest.mark.parametrize(
    "raw",
    [
        "2024-06-04T12:00:00Z",
        "2024-06-04T12:00:00.000+00:00",
        "2024-06-04T14:00:00+0200",
        "2024-06-04 12:00:00",
        " 2024-06-04T12:00 ",
        "1717502400",
        "1717502400000",
        "1717502400000000",
    ],
)
def test_a_time_is_read_from_iso_and_epoch(raw: str):
    assert pl.select(as_instant(pl.lit(raw), pl.String())).item() == NOON


@pytest.mark.parametrize(
    "values",
    [
        pl.Series([1717502400]),
        pl.Series([1717502400000.0]),
        pl.Series([NOON]),
        pl.Series([NOON.replace(tzinfo=None)]),
        pl.Series([NOON]).dt.convert_time_zone("Asia/Shanghai").dt.cast_time_unit("ns"),
    ],
)
def test_a_time_is_read_from_typed_columns(values: pl.Series):
    frame = values.alias("t").to_frame()
    assert frame.select(as_instant(pl.col("t"), values.dtype)).item() == NOON


@pytest.mark.parametrize("raw", ["yesterday", "2024-02-30", "-5", "inf", "9e99", "9" * 40])
def test_what_is_no_time_is_null(raw: str):
    assert pl.select(as_instant(pl.lit(raw), pl.String())).item() is None


def test_a_value_that_cannot_be_cast_is_null_and_remembered():
    frame = cast("products", product_id=["a", "b", "c"], price=["1.50", "about 5", ""])
    assert frame["price"].to_list() == [1.5, None, None]
    assert frame[EMPTIED].to_list() == [[], ["price: 'about 5' is not a number"], []]


def test_booleans_come_from_their_usual_words():
    words = ["yes", "No", "TRUE", "false", "1", "0", "", "maybe"]
    frame = cast("products", product_id=words, in_stock=words)
    assert frame["in_stock"].to_list() == [True, False, True, False, True, False, None, None]
    assert frame[EMPTIED].to_list()[-1] == ["in_stock: 'maybe' is not yes or no"]


def test_whole_numbers_refuse_fractions():
    frame = cast("judgments", grade=["3", "2.0", "1.5", "x"])
    assert frame["grade"].to_list() == [3, 2, None, None]


def test_ids_stored_as_numbers_keep_their_digits():
    assert cast("products", product_id=[17.0, None, float("nan")])["product_id"].to_list() == [
        "17",
        None,
        None,
    ]
    assert cast("products", product_id=[2**53 + 1])["product_id"].to_list() == [str(2**53 + 1)]


@pytest.mark.parametrize(
    "uris",
    [
        pl.Series(["a.jpg| b.jpg|", "", None]),
        pl.Series(['["a.jpg", "b.jpg", null]', "[]", None]),
        pl.Series([["a.jpg", "b.jpg "], [], None]),
    ],
)
def test_picture_uris_come_from_lists_json_and_separated_text(uris: pl.Series):
    frame = cast("products", product_id=["1", "2", "3"], image_uris=uris)
    assert frame["image_uris"].to_list() == [["a.jpg", "b.jpg"], None, None]


@pytest.mark.parametrize(
    "columns",
    [
        {"attributes.color": ["red", None], "attributes.size": ["4", " "]},
        {"attributes": ['{"size": 4, "color": "red", "shape": null}', "no json"]},
        {"attributes": [{"size": 4, "color": "red"}, None]},
        {"attributes": [[{"key": "size", "value": "4"}, {"key": "color", "value": "red"}], []]},
    ],
)
def test_attributes_become_a_sorted_map(columns: dict[str, object]):
    frame = cast("products", product_id=["1", "2"], **columns)
    assert frame["attributes"].to_list() == [
        [{"key": "color", "value": "red"}, {"key": "size", "value": "4"}],
        None,
    ]


@pytest.mark.parametrize("table", TABLES)
def test_unmapped_columns_are_null_in_the_contract_s_types(table: str):
    frame = cast(table, product_id=["1"]) if "product_id" in TABLES[table] else cast(table, query_id=["1"])
    assert frame.select(list(TABLES[table])).schema == TABLES[table]


@given(st.lists(TEXT, min_size=1, max_size=5), st.sampled_from(["price", "in_stock", "updated_at", "title"]))
def test_no_text_whatever_breaks_a_cast(raw: list[str], column: str):
    frame = cast("products", product_id=["1"] * len(raw), **{column: raw})
    assert frame.height == len(raw)
