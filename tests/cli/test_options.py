"""What the command line says of its options."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from mmsearch_dagster.cli.main import app
from mmsearch_dagster.cli.options import moved_folders
from mmsearch_dagster.core.errors import ConfigError
from mmsearch_dagster.core.retrieval.rank_fusion import RETRIEVERS


@pytest.mark.parametrize("command", ["search", "explain"])
def test_the_help_of_weight_names_the_branches_an_example_and_0(command: str) -> None:
    shown = CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": "400", "NO_COLOR": "1"}).output
    told = next(line for line in shown.splitlines() if "--weight" in line)
    for name in RETRIEVERS:
        assert f" {name}" in told
    assert "For example image=2" in told
    assert "With 0 a retriever is not used" in told


def test_a_folder_that_moved_is_given_as_it_was_and_as_it_is() -> None:
    assert moved_folders(["/old/shop=/new/shop"]) == {Path("/old/shop"): Path("/new/shop")}
    for wrong in ("/old/shop", "=/new", "/old="):
        with pytest.raises(ConfigError, match="give OLD=NEW"):
            moved_folders([wrong])
