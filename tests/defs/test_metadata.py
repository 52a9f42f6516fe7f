"""What a step tells Dagster."""

import dagster as dg
import polars as pl

from mmsearch_dagster.defs.metadata import check_results, markdown_table, metadata_of
from mmsearch_dagster.pipeline.report import StepReport


def test_metadata_shows_figures_tables_and_pictures() -> None:
    report = StepReport("release", digest="abc", rows=3, metrics={"moved": True, "left": None})
    report.tables["rows"] = pl.DataFrame({"a": [1]})
    report.images["graph"] = b"png"
    report.charts["drawn"] = lambda: b"png"

    shown = metadata_of(report)

    assert shown["dagster/row_count"] == 3
    assert shown["moved"] is True
    assert "left" not in shown
    assert isinstance(shown["rows"], dg.MarkdownMetadataValue)
    assert shown["graph"].value == "![graph](data:image/png;base64,cG5n)"
    assert shown["drawn"].value == "![drawn](data:image/png;base64,cG5n)"


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


def test_a_figure_that_could_not_be_measured_is_an_empty_cell() -> None:
    table = pl.DataFrame({"modality": ["video", "text"], "auc": [float("nan"), 0.5]})
    assert markdown_table(table).splitlines()[2:] == ["| video |  |", "| text | 0.5000 |"]
