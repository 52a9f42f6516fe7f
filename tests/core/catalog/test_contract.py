import datetime as dt
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmsearch_dagster.core.catalog.casting.cast_table import cast_rows
from mmsearch_dagster.core.catalog.columns import BROKEN, ROW, SOURCE
from mmsearch_dagster.core.catalog.contract import (
    CheckedRows,
    RawTable,
    check_share,
    quarantined_share,
    raw_table,
    restrict_to_catalogue,
    separate_broken_rows,
    top_reasons,
)
from mmsearch_dagster.core.catalog.row_rules import UNREADABLE, escapes_root
from mmsearch_dagster.core.catalog.schemas import TABLES
from mmsearch_dagster.core.errors import PolicyError
from mmsearch_dagster.core.labels.query_splits import split_of


def read(table: str, *rows: dict[str, Any]) -> RawTable:
    """Rows of text as a file would bring them."""
    names = list(dict.fromkeys(name for row in rows for name in row)) or ["product_id"]
    frame = pl.DataFrame(list(rows), schema=dict.fromkeys(names, pl.String))
    frame = frame.with_columns(pl.lit("f.csv").alias(SOURCE), pl.int_range(1, pl.len() + 1).alias(ROW))
    return raw_table(table, cast_rows(frame.lazy(), table).collect())


def split(table: str, *rows: dict[str, Any]) -> CheckedRows:
    return separate_broken_rows(read(table, *rows))


def reasons(result: CheckedRows) -> dict[int, list[str]]:
    return dict(result.quarantined.select(ROW, "reasons").iter_rows())


EVENT = {"timestamp": "2024-06-04T12:00:00Z", "user_id": "u", "product_id": "p", "action": "click"}
JUDGED = {"query_id": "q", "query_text": "red shoes", "product_id": "p", "grade": "3", "split": "train"}


class TestProducts:
    def test_good_rows_are_sorted_by_id_in_the_contract_s_schema(self):
        result = split("products", {"product_id": "b", "title": "B"}, {"product_id": "a", "title": "A"})
        assert result.good["product_id"].to_list() == ["a", "b"]
        assert result.good.schema == TABLES["products"]
        assert result.quarantined.height == 0

    @pytest.mark.parametrize(
        ("row", "reason"),
        [
            ({"title": "t"}, "product_id is missing"),
            ({"product_id": "1"}, "none of title, image_uris is given"),
            (
                {"product_id": "1", "title": "t", "price": "-1"},
                "price: -1.0 is not a finite number of at least 0",
            ),
        ],
    )
    def test_a_broken_row_says_why(self, row: dict[str, str], reason: str):
        result = split("products", row)
        assert reasons(result) == {1: [reason]}
        assert result.good.height == 0

    @pytest.mark.parametrize(
        ("column", "value"),
        [("price", "free"), ("price", "inf"), ("in_stock", "perhaps"), ("updated_at", "soon")],
    )
    def test_an_optional_value_that_cannot_be_read_is_left_empty_and_noted(self, column: str, value: str):
        result = split("products", {"product_id": "1", "title": "t", column: value})
        assert result.good[column].to_list() == [None]
        assert result.quarantined.height == 0
        ((reason,),) = result.emptied["reasons"].to_list()
        assert reason.startswith(f"{column}: '{value}' is not ")

    @pytest.mark.parametrize(
        ("column", "uri"),
        [
            ("image_uris", "ok.jpg|../../etc/passwd"),
            ("audio_uri", "/a.wav"),
            ("video_uri", "http://x/v.mp4"),
        ],
    )
    def test_media_that_cannot_be_had_do_not_condemn_their_product(self, column: str, uri: str):
        assert split("products", {"product_id": "1", "title": "t", column: uri}).quarantined.height == 0

    def test_a_row_that_two_files_have_in_common_is_one_product(self):
        frame = pl.DataFrame(
            {"product_id": ["1", "1", "1"], "title": ["T", "T", "U"], SOURCE: ["a", "b", "c"]}
        )
        raw = raw_table(
            "products", cast_rows(frame.with_columns(pl.lit(1).alias(ROW)).lazy(), "products").collect()
        )
        result = separate_broken_rows(raw)
        assert (result.good.height, result.dropped) == (1, {"equal to a row of another file": 1})
        assert reasons(result) == {1: ["product_id: '1' stands in an earlier row"]}

    def test_a_filter_that_emptied_a_chunk_does_no_harm(self):
        broken, good = {"product_id": "", "title": ""}, {"product_id": "0", "title": "T"}
        result = split("products", broken, broken, broken, good, good)
        assert list(reasons(result)) == [1, 2, 3, 5]

    def test_of_equal_ids_the_first_good_row_is_kept(self):
        result = split(
            "products",
            {"product_id": "1", "title": "broken", "price": "-1"},
            {"product_id": "1", "title": "kept"},
            {"product_id": "1", "title": "late"},
        )
        assert result.good["title"].to_list() == ["kept"]
        assert reasons(result)[3] == ["product_id: '1' stands in an earlier row"]

    def test_an_unreadable_record_is_quarantined_for_that_alone(self):
        frame = pl.DataFrame({SOURCE: "f", ROW: 7, BROKEN: f"{UNREADABLE}not a JSON object"})
        result = separate_broken_rows(raw_table("products", cast_rows(frame.lazy(), "products").collect()))
        assert reasons(result) == {7: ["record: not a JSON object"]}

    def test_rows_that_a_suite_flagged_join_with_its_reason(self):
        raw = read("products", {"product_id": "1", "title": "t"}, {"product_id": "2", "title": "t"})
        result = separate_broken_rows(raw, {1: ["title: too plain", "title: too plain"]})
        assert reasons(result) == {2: ["title: too plain"]}

    def test_the_quarantine_keeps_the_row_as_json(self):
        result = split("products", {"product_id": "1", "price": "2"})
        assert '"price":2.0' in result.quarantined["raw"][0]


@pytest.mark.parametrize("uri", ["..", "../x", "a/../../x", "a\\..\\..\\x", "./../x"])
def test_uris_that_climb_out_escape(uri: str):
    assert escapes_root(uri)


@pytest.mark.parametrize("uri", ["x", "a/../x", "a/b/../../x", "..x/y", "a..b"])
def test_uris_that_stay_do_not_escape(uri: str):
    assert not escapes_root(uri)


class TestEvents:
    @pytest.mark.parametrize(
        ("name", "action"),
        [
            ("item_click", "click"),
            ("Product Click", "click"),
            ("add-to-cart", "add_to_cart"),
            ("buy", "purchase"),
        ],
    )
    def test_actions_go_by_the_contract_s_names(self, name: str, action: str):
        assert split("events", {**EVENT, "action": name}).good["action"].to_list() == [action]

    def test_other_kinds_of_events_are_counted_not_quarantined(self):
        result = split("events", {**EVENT, "action": "on_search"}, {**EVENT, "action": "on_search"}, EVENT)
        assert result.dropped == {"action 'on_search' is not a product event": 2}
        assert result.good.height == 1
        assert result.quarantined.height == 0

    @pytest.mark.parametrize("column", ["timestamp", "user_id", "product_id", "action"])
    def test_required_columns_are_present(self, column: str):
        assert reasons(split("events", {**EVENT, column: ""})) == {1: [f"{column} is missing"]}

    def test_a_time_that_cannot_be_read_is_told_once(self):
        (told,) = reasons(split("events", {**EVENT, "timestamp": "soon"})).values()
        assert len(told) == 1
        assert told[0].startswith("timestamp: '...' is not a time (ISO 8601 or epoch")

    def test_events_without_an_id_get_one_from_their_content(self):
        one, two = split("events", EVENT, EVENT), split("events", EVENT, EVENT)
        assert one.good["event_id"].n_unique() == 2
        assert one.good.equals(two.good)

    def test_an_event_sent_twice_counts_once(self):
        result = split("events", {**EVENT, "event_id": "e"}, {**EVENT, "event_id": "e"})
        assert result.good.height == 1
        assert result.dropped == {"event_id seen before": 1}

    def test_equal_events_without_an_id_count_once_over_two_files_and_twice_in_one(self):
        names = ["monday.csv", "monday.csv", "tuesday.csv"]
        frame = pl.DataFrame([{**EVENT, SOURCE: name, ROW: 1} for name in names])
        result = separate_broken_rows(raw_table("events", cast_rows(frame.lazy(), "events").collect()))
        assert (result.good.height, result.dropped) == (2, {"event_id seen before": 1})

    @pytest.mark.parametrize("table", ["events", "searches", "reviews"])
    def test_a_time_in_the_future_is_a_wrong_clock(self, table: str):
        row = {**EVENT, "query_id": "q", "query_text": "t", "rating": "5"}
        row = {name: value for name, value in row.items() if name in TABLES[table]}
        raw = read(table, row, {**row, "timestamp": "2036-01-01", "query_id": "r"})
        result = separate_broken_rows(raw, latest=dt.datetime(2024, 6, 6, tzinfo=dt.UTC))
        assert result.good.height == 1
        assert reasons(result) == {2: ["timestamp: it lies more than a day after this run: a wrong clock"]}

    def test_good_events_are_in_the_order_of_time(self):
        result = split("events", {**EVENT, "timestamp": "2024-06-05"}, {**EVENT, "timestamp": "2024-06-04"})
        assert result.good["timestamp"].to_list() == [
            dt.datetime(2024, 6, 4, tzinfo=dt.UTC),
            dt.datetime(2024, 6, 5, tzinfo=dt.UTC),
        ]


class TestJudgments:
    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            ({"grade": "4"}, "grade: 4 is not a grade from 0 to 3"),
            ({"grade": "2.5"}, "grade: '2.5' is not a whole number"),
            ({"query_text": ""}, "none of query_text, image, audio is given"),
            ({"split": "holdout"}, "split: holdout is not one of train, validation, test"),
            ({"image": "../x.jpg"}, "image: '../x.jpg' leaves the source's folder"),
        ],
    )
    def test_a_broken_row_says_why(self, change: dict[str, str], reason: str):
        assert reasons(split("judgments", {**JUDGED, **change})) == {1: [reason]}

    def test_val_is_validation(self):
        assert split("judgments", {**JUDGED, "split": "Val"}).good["split"].to_list() == ["validation"]

    def test_of_a_repeated_pair_the_highest_grade_stays(self):
        result = split("judgments", {**JUDGED, "grade": "1"}, {**JUDGED, "grade": "2"})
        assert result.good["grade"].to_list() == [2]
        assert result.dropped == {"a lower grade of the same query and product": 1}

    def test_a_query_means_one_thing(self):
        result = split("judgments", JUDGED, {**JUDGED, "product_id": "p2", "query_text": "blue shoes"})
        assert list(reasons(result)) == [2]
        assert result.good.height == 1

    def test_a_query_stands_in_one_split(self):
        result = split("judgments", JUDGED, {**JUDGED, "product_id": "p2", "split": "test"})
        assert reasons(result) == {2: ["split: query 'q' is in another split in an earlier row"]}

    def test_a_row_without_a_split_follows_its_query(self):
        result = split("judgments", {**JUDGED, "split": ""}, {**JUDGED, "product_id": "p2", "split": "test"})
        assert result.good["split"].to_list() == ["test", "test"]

    def test_queries_without_a_split_are_drawn_60_20_20_whatever_stands_around(self):
        rows = [
            {**JUDGED, "query_id": f"q{number}", "query_text": f"shoes {number}", "split": ""}
            for number in range(2000)
        ]
        drawn = split("judgments", *rows).good
        shares = {name: count / 2000 for name, count in drawn["split"].value_counts().iter_rows()}
        assert shares == pytest.approx({"train": 0.6, "validation": 0.2, "test": 0.2}, abs=0.03)
        alone = split("judgments", rows[7]).good
        assert alone["split"][0] == drawn.filter(query_id="q7")["split"][0]

    @pytest.mark.parametrize(
        ("asked", "again"),
        [
            ({}, {}),
            ({"query_text": "red shoes"}, {"query_text": " Red  <b>SHOES</b>"}),
            ({"query_text": "", "image": "a.jpg"}, {"query_text": "", "image": "a.jpg"}),
            ({"query_text": "", "audio": "a.wav"}, {"query_text": "", "audio": "a.wav"}),
        ],
    )
    def test_queries_that_ask_the_same_are_drawn_into_the_split_of_the_smallest_id(
        self, asked: dict[str, str], again: dict[str, str]
    ):
        ids = [f"q{number}" for number in range(10)]
        assert {split_of(name) for name in ids} == {"train", "validation", "test"}
        first, *others = ({**JUDGED, "query_id": name, "split": ""} for name in ids)
        drawn = split("judgments", *({**row, **again} for row in others), {**first, **asked}).good
        assert drawn["split"].to_list() == [split_of("q0")] * 10

    @pytest.mark.parametrize("other", [{"query_text": "red shoe"}, {"image": "a.jpg"}, {"audio": "a.wav"}])
    def test_queries_that_ask_other_things_are_drawn_by_their_own_ids(self, other: dict[str, str]):
        rows = [{**JUDGED, "split": "", "query_id": "q0"}, {**JUDGED, **other, "split": "", "query_id": "q9"}]
        drawn = split("judgments", *rows).good
        assert drawn["split"].to_list() == [split_of("q0"), split_of("q9")]

    def test_a_query_without_a_split_stands_where_another_asks_the_same(self):
        result = split("judgments", {**JUDGED, "query_id": "a", "split": ""}, {**JUDGED, "split": "test"})
        assert result.good["split"].to_list() == ["test", "test"]

    def test_a_query_that_asks_what_an_earlier_split_asks_is_broken(self):
        splits = {"a": "test", "b": "validation", "c": "train", "d": ""}
        rows = [{**JUDGED, "query_id": key, "split": name} for key, name in splits.items()]
        result = split("judgments", *rows)
        assert reasons(result) == {
            1: ["split: query 'a' asks what another asks in train"],
            2: ["split: query 'b' asks what another asks in train"],
        }
        assert dict(result.good.select("query_id", "split").iter_rows()) == {"c": "train", "d": "train"}

    def test_what_a_broken_row_asks_breaks_no_other_query(self):
        changed = {**JUDGED, "product_id": "p2", "query_text": "blue shoes"}
        result = split("judgments", JUDGED, changed, {**changed, "query_id": "other", "split": "test"})
        assert list(reasons(result)) == [2]


@pytest.mark.parametrize("table", TABLES)
def test_an_empty_table_splits_into_empty_tables(table: str):
    result = split(table)
    assert result.good.schema == TABLES[table]
    assert result.quarantined.height == 0
    assert quarantined_share(result.good.height, result.quarantined.height) == 0


def test_searches_are_kept_once_and_need_words_or_a_picture():
    row = {"query_id": "q", "query_text": "shoes"}
    result = split("searches", row, row, {"query_id": "empty"})
    assert result.good["query_text"].to_list() == ["shoes"]
    assert result.dropped == {"query_id seen before": 1}
    assert reasons(result) == {3: ["none of query_text, image is given"]}


def test_rows_about_unknown_products_are_left_out_and_counted():
    good = split("judgments", JUDGED, {**JUDGED, "product_id": "p2"}).good
    kept, left_out = restrict_to_catalogue(good, pl.Series(["p2", "p3"]))
    assert kept["product_id"].to_list() == ["p2"]
    assert left_out == 1


def test_too_large_a_share_stops_with_counts_and_reasons():
    broken = [{"product_id": str(number), "title": "t", "price": f"-{number + 1}"} for number in range(3)]
    result = split("products", *broken, {"product_id": "9", "title": "t"})
    with pytest.raises(
        PolicyError,
        match=r"products: 3 of 4 rows .*75.0%.*5.0%.*price: \.\.\. is not a finite .* \(3\)",
    ):
        check_share(result.good.height, result.quarantined, 0.05, "products")
    assert check_share(result.good.height, result.quarantined, 0.75, "products") == 0.75


def test_equal_causes_count_together():
    result = split("products", *({"product_id": "", "title": "t", "price": f"-{n}"} for n in range(1, 4)))
    assert top_reasons(result.quarantined) == [
        ("price: ... is not a finite number of at least 0", 3),
        ("product_id is missing", 3),
    ]


TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)


@given(
    st.lists(
        st.fixed_dictionaries({"product_id": TEXTS, "title": TEXTS, "price": TEXTS, "image_uris": TEXTS})
    )
)
def test_no_product_disappears_and_no_id_is_twice(rows: list[dict[str, str]]):
    result = split("products", *rows)
    assert result.good.height + result.quarantined.height == len(rows)
    assert result.good["product_id"].is_unique().all()
    assert result.good["product_id"].null_count() == 0
