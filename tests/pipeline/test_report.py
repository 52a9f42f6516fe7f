"""What a step tells Dagster and the terminal."""

import dagster as dg
import polars as pl
import pytest

from mmsearch_dagster.pipeline.report import StepReport, check_results, markdown_table, timed
from tests.watchers import recorded


def test_a_step_tells_when_it_begins_and_what_it_made() -> None:
    with recorded() as heard, timed("products") as report:
        report.rows, report.made = 1234, False

    begun, (what, stage, note) = heard.events
    assert begun == ("start", "products", 0)
    assert (what, stage) == ("finish", "products")
    assert str(note).startswith("1,234 rows, 0.0 s, unchanged")
    assert report.seconds > 0


def test_a_step_that_fails_is_not_told_as_finished() -> None:
    with recorded() as heard, pytest.raises(ValueError, match="no"), timed("products"):
        raise ValueError("no")

    assert heard.events == [("start", "products", 0)]


def test_metadata_shows_figures_tables_and_pictures() -> None:
    report = StepReport("release", digest="abc", rows=3, figures={"moved": True, "left": None})
    report.tables["rows"] = pl.DataFrame({"a": [1]})
    report.pictures["graph"] = b"png"

    shown = report.metadata()

    assert shown["dagster/row_count"] == 3
    assert shown["moved"] is True
    assert "left" not in shown
    assert isinstance(shown["rows"], dg.MarkdownMetadataValue)
    assert shown["graph"].value == "![graph](data:image/png;base64,cG5n)"


def test_a_table_shows_its_first_rows_and_stays_a_table() -> None:
    frame = pl.DataFrame(
        {"title": ["a | b\\", "two\nlines", "<b>" + "x" * 200] * 40, "tags": [["a|b"]] * 120}
    )

    lines = markdown_table(frame).splitlines()

    assert len(lines) == 2 + 25
    assert all(line.replace("\\\\", "").replace("\\|", "").count("|") == 3 for line in lines)
    assert lines[4].startswith("| &lt;b>xxx") or lines[4].startswith("| &lt;b&gt;xxx")
    assert max(map(len, lines)) < 130


def test_outcomes_become_check_results() -> None:
    told = {
        "name": "price",
        "passed": False,
        "severity": "warn",
        "text": "why",
        "figures": {"n": 2, "x": None},
    }

    (result,) = check_results([told])

    assert (result.check_name, result.passed, result.description) == ("price", False, "why")
    assert result.severity == dg.AssetCheckSeverity.WARN
    assert set(result.metadata or {}) == {"n"}
