import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
import yaml

from mmsearch_dagster.adapters.expectations.rules import ExpectationSuite
from mmsearch_dagster.adapters.expectations.suite import load_suite, run_suite
from mmsearch_dagster.core.catalog.casting.cast_table import cast_rows
from mmsearch_dagster.core.catalog.columns import ROW, SOURCE
from mmsearch_dagster.core.catalog.contract import raw_table, separate_broken_rows
from mmsearch_dagster.core.errors import ConfigError

pytestmark = pytest.mark.slow

ASSETS = Path(__file__).parents[3] / "assets" / "expectations"
TABLES = ("products", "events", "judgments")
WHY = "because the test says so"


def products(**columns: list) -> pl.DataFrame:
    frame = pl.DataFrame(columns).with_columns(
        pl.lit("f").alias(SOURCE), pl.int_range(1, pl.len() + 1).alias(ROW)
    )
    return raw_table("products", cast_rows(frame.lazy(), "products").collect()).frame


def suite(*rules: dict) -> ExpectationSuite:
    full = [{"severity": "error", "why": WHY, **rule} for rule in rules]
    return ExpectationSuite.model_validate({"table": "products", "max_quarantined_share": 0.1, "rules": full})


FRAME = products(
    product_id=["1", "2", "3", "3"], title=["Tee", None, "Shoe", "x" * 2000], price=["1", "-2", None, "5"]
)


@pytest.mark.parametrize("table", TABLES)
def test_the_shipped_suites_load_and_every_rule_has_its_own_name(table: str):
    found = load_suite(ASSETS / f"{table}.yaml")
    assert found.table == table
    assert len({rule.name for rule in found.rules}) == len(found.rules)
    assert len(found.rules) == len(yaml.safe_load((ASSETS / f"{table}.yaml").read_text())["rules"])


def test_names_are_known_without_the_library():
    code = (
        "import sys; from pathlib import Path;"
        "from mmsearch_dagster.adapters.expectations.suite import load_suite;"
        f"load_suite(Path({str(ASSETS / 'products.yaml')!r})); sys.exit('great_expectations' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("table", TABLES)
def test_the_shipped_suites_run_on_an_empty_table(table: str):
    empty = cast_rows(pl.LazyFrame(schema={SOURCE: pl.String, ROW: pl.Int64}), table).collect()
    found = run_suite(load_suite(ASSETS / f"{table}.yaml"), empty)
    failed = [result.name for result in found.results if not result.success]
    assert failed == (["table_row_count_to_be_between"] if table == "products" else [])


def test_every_shipped_products_rule_can_fail():
    bad = products(
        product_id=["y" * 201, "y" * 201, None],
        title=["<b>Tee</b>", "x" * 1001, "<i>"],
        audio_uri=["bell.doc", "bell", "wav"],
        video_uri=["turn.jpg", "turn", "mp4"],
        price=["-1", "2e9", "1"],
        currency=["kr", "$", ""],
        lang=["English", "E", ""],
        updated_at=["1970-01-20", "1971-01-01", ""],
    )
    found = run_suite(load_suite(ASSETS / "products.yaml"), bad)
    assert [result.name for result in found.results if result.success] == ["table_row_count_to_be_between"]


def test_rows_are_told_by_index_even_where_the_rule_passes_by_mostly():
    rule = {
        "type": "expect_column_values_to_be_between",
        "kwargs": {"column": "price", "min_value": 0, "mostly": 0.5},
    }
    (result,) = run_suite(suite(rule), FRAME).results
    assert result.success
    assert result.unexpected_rows == (1,)
    assert (result.unexpected_count, result.unexpected_percent) == (1, pytest.approx(100 / 3, abs=1e-3))


def test_flagged_rows_go_to_quarantine_with_the_rule_s_why():
    rule = {
        "type": "expect_column_value_lengths_to_be_between",
        "kwargs": {"column": "title", "max_value": 100},
    }
    raw = raw_table("products", FRAME.with_columns(pl.Series("product_id", list("abcd"))))
    split = separate_broken_rows(raw, run_suite(suite(rule), raw.frame).flagged_rows())
    assert split.quarantined.filter(pl.col(ROW) == 4)["reasons"].to_list() == [[f"title: {WHY}"]]


def test_aggregates_come_with_what_was_observed_in_the_suite_s_order():
    found = run_suite(
        suite(
            {"type": "expect_column_mean_to_be_between", "kwargs": {"column": "price", "max_value": 1}},
            {"type": "expect_table_row_count_to_be_between", "kwargs": {"min_value": 1}, "severity": "warn"},
        ),
        FRAME,
    )
    assert [(result.observed, result.success) for result in found.results] == [
        (pytest.approx(4 / 3), False),
        (4, True),
    ]
    assert not found.success


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (
            {"type": "expect_column_values_to_be_beetween", "kwargs": {"column": "price"}},
            "unknown expectation .* did you mean 'expect_column_values_to_be_between'",
        ),
        ({"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "price", "most": 1}}, "most"),
        (
            {"type": "expect_column_values_to_match_regex", "kwargs": {"column": "title", "regex": "["}},
            "evaluated",
        ),
    ],
)
def test_a_rule_that_cannot_run_stops_instead_of_vanishing(rule: dict, message: str):
    with pytest.raises(ConfigError, match=message):
        run_suite(suite(rule), FRAME)


def test_dates_in_yaml_compare_with_time_columns():
    rule = "{type: expect_column_values_to_be_between, kwargs: {column: updated_at, min_value: 2020-01-01}}"
    frame = products(product_id=["1", "2"], updated_at=["2019-12-31", "2020-01-01T00:00:00Z"])
    (result,) = run_suite(suite(yaml.safe_load(rule)), frame).results
    assert result.unexpected_rows == (0,)


def test_data_docs_are_one_page_with_the_reasons(tmp_path: Path):
    run_suite(load_suite(ASSETS / "products.yaml"), FRAME, tmp_path / "docs")
    page = (tmp_path / "docs" / "index.html").read_text(encoding="utf-8")
    assert "failed export" in page
    assert [path.name for path in (tmp_path / "docs").iterdir()] == ["index.html"]


def test_data_docs_show_markup_from_the_data_as_text(tmp_path: Path):
    title = "<script>alert(1)</script>"
    run_suite(load_suite(ASSETS / "products.yaml"), products(product_id=["1"], title=[title]), tmp_path)
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert title not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_a_suite_that_is_not_there(tmp_path: Path):
    with pytest.raises(ConfigError, match="cannot be read"):
        load_suite(tmp_path / "no.yaml")
