"""Grades that a person gives on a page outlive a restart and reach the next run."""

from pathlib import Path

import polars as pl
import pytest

from mmsearch_dagster.core.errors import UserError
from mmsearch_dagster.pipeline.ingest.tables import read_raw, validate
from mmsearch_dagster.pipeline.labels.label_file import LabelFile
from mmsearch_dagster.pipeline.workspace import Workspace
from mmsearch_dagster.settings import Settings
from tests import shops

pytestmark = pytest.mark.slow

PAIRS = pl.DataFrame(
    {
        "query_id": ["q1", "q1", "label:cup"],
        "query_text": ["red mug", "red mug", "cup"],
        "product_id": ["a", "b", "a"],
        "title": ["red mug", None, "red mug"],
        "grade": [None, None, None],
        "split": ["validation"] * 3,
    },
    schema_overrides={"grade": pl.String},
)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    products = [{"product_id": key, "title": "red mug"} for key in "ab"]
    source = shops.bare_shop(tmp_path / "shop", products, [])
    workspace = Workspace(Settings(tmp_path / "home", source), shops.REVIEWED)
    read_raw(workspace, "products")
    validate(workspace, "products")
    return workspace


def no_new_pairs() -> pl.DataFrame:
    raise AssertionError("the file is continued")


def test_a_grade_is_on_the_disk_and_in_the_next_run_at_once(workspace: Workspace, tmp_path: Path) -> None:
    file = tmp_path / "labels.csv"
    LabelFile.open(workspace, file, lambda: PAIRS).grade(1, 0)

    assert pl.read_csv(file, infer_schema=False)["grade"].to_list() == [None, "0", None]
    read_raw(workspace, "judgments")
    judged = workspace.lake.current("judgments_raw").table()
    assert judged.select("query_id", "product_id", "grade", "split").rows() == [("q1", "b", 0, "validation")]


def test_a_restart_goes_on_with_the_same_pairs(workspace: Workspace, tmp_path: Path) -> None:
    file = tmp_path / "labels.csv"
    LabelFile.open(workspace, file, lambda: PAIRS).grade(0, 3)
    again = LabelFile.open(workspace, file, no_new_pairs)
    again.grade(2, 1)

    assert [pair.grade for pair in again.pairs] == [3, None, 1]
    assert [pair.title for pair in again.pairs] == ["red mug", None, "red mug"]


def test_the_last_grade_of_a_pair_counts(workspace: Workspace, tmp_path: Path) -> None:
    labels = LabelFile.open(workspace, tmp_path / "labels.csv", lambda: PAIRS)
    labels.grade(0, 3)
    labels.grade(0, 1)

    read_raw(workspace, "judgments")
    assert workspace.lake.current("judgments_raw").table()["grade"].to_list() == [1]


def test_a_file_that_is_done_makes_room_for_new_pairs(workspace: Workspace, tmp_path: Path) -> None:
    file = tmp_path / "labels.csv"
    labels = LabelFile.open(workspace, file, lambda: PAIRS)
    for row in range(3):
        labels.grade(row, 2)

    assert LabelFile.open(workspace, file, lambda: PAIRS[:1]).pairs[0].grade is None


def test_pairs_of_another_shop_are_refused(workspace: Workspace, tmp_path: Path) -> None:
    file = tmp_path / "labels.csv"
    file.write_text("query_id,query_text,product_id,title,grade,split\nq,mug,zz,,,validation\n")
    with pytest.raises(UserError, match="such as 'zz': give another --out"):
        LabelFile.open(workspace, file, no_new_pairs)
