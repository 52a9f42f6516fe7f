import polars as pl
import pytest

from mmsearch_dagster.core.catalog.casting.column_types import unmet_demand
from mmsearch_dagster.core.catalog.schemas import INSTANT, PRODUCTS

PAIR = pl.Struct({"key": pl.String, "value": pl.Int64})
MAP, URIS = PRODUCTS["attributes"], PRODUCTS["image_uris"]


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [
        (pl.Float32(), pl.String()),
        (pl.Binary(), pl.String()),
        (pl.Decimal(10, 2), pl.Float64()),
        (pl.Null(), pl.Float64()),
        (pl.Boolean(), pl.Int64()),
        (pl.Date(), INSTANT),
        (pl.Datetime("ns"), INSTANT),
        (pl.String(), URIS),
        (pl.List(pl.String()), URIS),
        (pl.Array(pl.String(), 2), URIS),
        (pl.String(), MAP),
        (pl.Null(), MAP),
        (pl.List(PAIR), MAP),
        (pl.Struct({"size": pl.Int64, "colour": pl.String}), MAP),
    ],
)
def test_what_can_be_cast_is_taken(kind: pl.DataType, wanted: pl.DataType):
    assert unmet_demand(kind, wanted) is None


@pytest.mark.parametrize(
    ("kind", "wanted", "demand"),
    [
        (pl.List(pl.String()), pl.String(), "one value a row: a text"),
        (pl.Duration(), pl.String(), "a text"),
        (pl.Date(), pl.Float64(), "a number"),
        (pl.Binary(), pl.Int64(), "a whole number"),
        (pl.Datetime(), pl.Boolean(), "yes or no"),
        (pl.Time(), INSTANT, "a time with its date"),
        (pl.Duration(), INSTANT, "a time with its date"),
        (pl.Binary(), URIS, "picture files"),
        (pl.List(pl.Binary()), URIS, "picture files"),
        (pl.List(pl.List(pl.String())), URIS, "picture files"),
        (pl.List(PAIR), URIS, "picture files"),
        (pl.Int64(), MAP, "key and value"),
        (pl.List(pl.Int64()), MAP, "key and value"),
        (pl.List(pl.Struct({"k": pl.String, "v": pl.String})), MAP, "key and value"),
        (pl.List(pl.Struct({"key": pl.String, "value": pl.List(pl.String)})), MAP, "key and value"),
        (pl.Struct({"sizes": pl.List(pl.String)}), MAP, "a struct of single values"),
    ],
)
def test_what_would_come_out_as_nonsense_is_refused_with_what_is_taken(
    kind: pl.DataType, wanted: pl.DataType, demand: str
):
    assert demand in (unmet_demand(kind, wanted) or "")
