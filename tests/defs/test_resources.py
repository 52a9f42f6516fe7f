"""The workspace as Dagster's steps get it."""

from pathlib import Path

import dagster as dg
import pytest

from mmsearch_dagster.adapters.host.run_lock import alone
from mmsearch_dagster.core.errors import MovedHomeError, UserError
from mmsearch_dagster.defs.resources import WorkspaceResource
from mmsearch_dagster.pipeline.home import remember
from mmsearch_dagster.settings import HomePaths, Settings
from tests.fixtures.former_home import unpack


def test_while_a_step_is_at_work_no_refresh_begins(tmp_path: Path) -> None:
    lock = HomePaths(tmp_path).lock

    @dg.op
    def step(workspace: WorkspaceResource) -> str:
        with pytest.raises(UserError, match="another run is at work"), alone(lock):
            pass
        return str(workspace.open().settings.home)

    job = dg.GraphDefinition("part", node_defs=[step]).to_job(
        resource_defs={"workspace": WorkspaceResource(home=str(tmp_path))}
    )
    result = job.execute_in_process()

    assert result.output_for_node("step") == str(tmp_path)
    with alone(lock):
        pass


def test_the_refresh_that_is_alone_does_not_wait_for_itself(tmp_path: Path) -> None:
    resource = WorkspaceResource(home=str(tmp_path), waits=False)

    with (
        alone(HomePaths(tmp_path).lock),
        resource.yield_for_execution(dg.build_init_resource_context()) as given,
    ):
        assert given.open().settings.home == tmp_path


def test_a_step_that_is_told_nothing_does_what_the_home_was_asked(tmp_path: Path) -> None:
    resource = WorkspaceResource(home=str(tmp_path))
    assert resource.open().settings == Settings(tmp_path)

    shop, root = tmp_path / "shop.yaml", tmp_path / "exports"
    asked = Settings(tmp_path, shop, root, True, tmp_path / "p.yaml", True)
    remember(asked)

    assert resource.open().settings == asked
    told = WorkspaceResource(home=str(tmp_path), source=str(tmp_path / "other.yaml"))
    assert told.open().settings == Settings(
        tmp_path, tmp_path / "other.yaml", None, True, tmp_path / "p.yaml", True
    )


def test_the_refresh_that_is_alone_was_told_everything(tmp_path: Path) -> None:
    remember(Settings(tmp_path, tmp_path / "shop.yaml", finetune=True))

    assert WorkspaceResource(home=str(tmp_path), waits=False).open().settings == Settings(tmp_path)


def test_a_step_begins_nothing_in_a_home_that_was_moved_or_copied(tmp_path: Path) -> None:
    home = unpack(tmp_path)

    with pytest.raises(MovedHomeError, match="run `mmsearch relocate"):
        WorkspaceResource(home=str(home)).open()
