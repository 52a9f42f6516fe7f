"""Grades that a person fills in, on their way into the next run."""

from pathlib import Path

import pytest

from mmsearch_dagster.core.errors import UserError
from mmsearch_dagster.pipeline.ingest.tables import read_raw
from mmsearch_dagster.pipeline.labels.labelling import import_labels
from mmsearch_dagster.pipeline.workspace import Workspace
from mmsearch_dagster.settings import Settings
from tests import shops

HEADER = "query_id,query_text,product_id,title,grade,split\n"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    judged = [
        {"query_id": "q1", "query_text": "red mug", "product_id": "a", "grade": "3", "split": "validation"}
    ]
    source = shops.bare_shop(tmp_path / "shop", [{"product_id": "a", "title": "red mug"}], judged)
    return Workspace(Settings(tmp_path / "home", source), shops.REVIEWED)


def labels(tmp_path: Path, *rows: str) -> Path:
    file = tmp_path / "filled_in.csv"
    file.write_text(HEADER + "".join(f"{row}\n" for row in rows), encoding="utf-8")
    return file


def graded(workspace: Workspace) -> list[tuple[str, str, int]]:
    read_raw(workspace, "judgments")
    table = workspace.lake.current("judgments_raw").table()
    return table.select("query_id", "product_id", "grade").rows()


def test_grades_are_judgments_of_the_next_run_beside_those_of_the_source(
    workspace: Workspace, tmp_path: Path
) -> None:
    assert graded(workspace) == [("q1", "a", 3)]
    file = labels(tmp_path, "label:cup,cup,a,red mug,2,validation", "label:cup,cup,b,blue mug,,validation")

    assert import_labels(workspace, file) == 1

    assert graded(workspace) == [("q1", "a", 3), ("label:cup", "a", 2)]
    table = workspace.lake.current("judgments_raw").table()
    assert table["split"].to_list() == ["validation", "validation"]


def test_the_last_grade_of_a_pair_counts_and_others_stay(workspace: Workspace, tmp_path: Path) -> None:
    import_labels(workspace, labels(tmp_path, "x,cup,a,,2,validation", "y,mug,a,,1,validation"))
    import_labels(workspace, labels(tmp_path, "x,cup,a,,0,validation"))
    assert set(graded(workspace)) == {("q1", "a", 3), ("x", "a", 0), ("y", "a", 1)}


def test_a_file_without_a_grade_changes_nothing(workspace: Workspace, tmp_path: Path) -> None:
    assert import_labels(workspace, labels(tmp_path, "x,cup,a,,,validation")) == 0
    assert not workspace.paths.labels.exists()


def test_a_grade_that_is_none_is_refused_with_its_query(workspace: Workspace, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="grade '5' of query 'cup' is not 0, 1, 2 or 3"):
        import_labels(workspace, labels(tmp_path, "x,cup,a,,5,validation"))
    assert not workspace.paths.labels.exists()


def test_another_file_is_refused_with_what_to_do(workspace: Workspace, tmp_path: Path) -> None:
    other = tmp_path / "other.csv"
    other.write_text("sku,name\n1,lamp\n", encoding="utf-8")
    with pytest.raises(UserError, match="mmsearch label"):
        import_labels(workspace, other)
    with pytest.raises(UserError, match="cannot be read"):
        import_labels(workspace, tmp_path / "missing.csv")
