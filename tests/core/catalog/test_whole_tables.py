"""What is said about whole tables: counts, short logs, strangers among the ids, a file that was cut off."""

import polars as pl
import pytest

from mmsearch_dagster.core.catalog.cut_off_exports import check_not_cut
from mmsearch_dagster.core.catalog.log_shape import log_concerns
from mmsearch_dagster.core.catalog.row_counts import RowCounts, counts_of
from mmsearch_dagster.core.catalog.unknown_products import alike_when, unknown_sentence
from mmsearch_dagster.core.errors import PolicyError


def log(*counts: int) -> pl.DataFrame:
    """One person for each count, with so many events."""
    return pl.DataFrame({"user_id": [f"u{person}" for person, n in enumerate(counts) for _ in range(n)]})


class TestLog:
    def test_a_log_of_many_people_is_no_concern(self):
        assert log_concerns(log(*[30] * 10)) == []
        assert log_concerns(log()) == []

    def test_a_short_log_is_called_short(self):
        (said,) = log_concerns(log(9))
        assert "the log is short (9 events of 1 people)" in said

    def test_one_client_with_most_of_the_log_is_pointed_out(self):
        (said,) = log_concerns(log(900, *[10] * 10))
        assert "one client (u0...) made 900 of 1,000 events (90%)" in said


class TestUnknownProducts:
    @pytest.mark.parametrize(
        ("unknown", "catalogue", "words"),
        [
            (["7", "12"], ["00007", "00012"], "leading zeros"),
            (["00007"], ["7"], "leading zeros"),
            (["7.0", "12.0"], ["7", "12"], "decimals"),
            (["ab-7"], ["AB-7"], "small letters"),
            (["AB7"], ["ab-7"], "hyphens"),
            (["SKU-7", "SKU-8"], ["7", "8"], "last number"),
        ],
    )
    def test_ids_that_are_the_same_in_another_way_of_writing(
        self, unknown: list[str], catalogue: list[str], words: str
    ):
        assert words in (alike_when(unknown, catalogue) or "")

    def test_strangers_are_strangers(self):
        assert alike_when(["x", "y"], ["7", "8"]) is None
        rows = pl.DataFrame({"product_id": ["x", "7"]})
        assert unknown_sentence(rows, pl.Series(["7"])) == "for example 'x', while the catalogue has '7'"
        assert unknown_sentence(rows, pl.Series(["7", "x"])) is None


class TestShrinking:
    def test_a_table_that_lost_most_of_its_rows_is_refused(self):
        with pytest.raises(PolicyError, match=r"150 good rows.*510 \(71% fewer.*30%.*--accept-smaller"):
            check_not_cut("products", now=150, before=510, limit=0.3)

    @pytest.mark.parametrize(("now", "before"), [(400, 510), (600, 510), (357, 510), (1, 9)])
    def test_a_table_that_lost_little_or_was_tiny_goes_on(self, now: int, before: int):
        check_not_cut("products", now=now, before=before, limit=0.3)


class TestCounts:
    def test_every_row_is_accounted_for(self):
        facts = {
            "rows": 2,
            "reasons": [["price is missing", 2]],
            "dropped": {"product unknown to the catalogue": 152},
            "emptied": [["updated_at: ... is not a time", 3]],
            "unknown": "for example 'x'",
            "concerns": ["odd"],
        }
        lines = counts_of("reviews", facts, kept=348).lines("`show`")
        assert lines == [
            "reviews: 348 rows kept, 2 quarantined: price is missing (2). `show` shows them",
            "  left out: 152, product unknown to the catalogue",
            "  unknown products: for example 'x'",
            "  left empty in 3 rows that are kept: updated_at: ... is not a time",
            "  look here: odd",
        ]

    def test_a_log_that_lost_more_than_half_of_its_rows_is_pointed_out(self):
        counts = RowCounts(table="events", kept=6_091, quarantined=0)
        (concern,) = counts.compared_with(20_000).concerns
        assert "only 6,091 rows, the release before had 20,000" in concern
        assert counts.compared_with(10_000) == counts

    def test_a_table_without_trouble_is_one_line(self):
        counts = RowCounts(table="events", kept=5, quarantined=0)
        assert counts.lines("x") == ["events: 5 rows kept, none quarantined"]
