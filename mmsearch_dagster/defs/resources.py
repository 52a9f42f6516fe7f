"""The one resource: which home and which shop."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg

from mmsearch_dagster.adapters.run_lock import one_step
from mmsearch_dagster.defs.workspace import Workspace
from mmsearch_dagster.settings import (
    DEFAULT_HOME,
    FINETUNE_VARIABLE,
    HOME_VARIABLE,
    PRESET_VARIABLE,
    ROOT_VARIABLE,
    SOURCE_VARIABLE,
    Settings,
)


class WorkspaceResource(dg.ConfigurableResource):
    """Folder that holds everything a run writes, and the shop to read; empty means the sample store.

    finetune: anything but nothing turns on the fine-tuning of the image encoder. preset: a file instead
    of the reviewed presets/run.yaml. waits: for a refresh from the command line to end, which is alone in
    its home; only that one does not wait, for itself.
    """

    home: str
    source: str = ""
    root: str = ""
    finetune: str = ""
    preset: str = ""
    waits: bool = True

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> "Iterator[WorkspaceResource]":
        """Around each step that has a process of its own, else around the whole run."""
        if not self.waits:
            yield self
            return
        told = f"waiting for the refresh that is alone in {self.home}"
        with one_step(self._settings.paths.lock, lambda: dg.get_dagster_logger().info(told)):
            yield self

    def open(self) -> Workspace:
        """The workspace these settings name."""
        return Workspace(self._settings)

    @property
    def _settings(self) -> Settings:
        return Settings(
            home=Path(self.home).resolve(),
            source=Path(self.source).resolve() if self.source else None,
            root=Path(self.root).resolve() if self.root else None,
            finetune=bool(self.finetune),
            preset=Path(self.preset).resolve() if self.preset else None,
        )


def resource_of(settings: Settings) -> WorkspaceResource:
    """The resource that opens the workspace of these settings."""
    return WorkspaceResource(
        home=str(settings.home),
        source=str(settings.source or ""),
        root=str(settings.root or ""),
        finetune="1" if settings.finetune else "",
        preset=str(settings.preset or ""),
    )


def _variable(name: str, default: str) -> dg.EnvVar | str:
    import os

    return dg.EnvVar(name) if os.environ.get(name) else default


@dg.definitions
def workspace_resource() -> dg.Definitions:
    """Settings come from the environment, so a schedule and the command line agree."""
    return dg.Definitions(
        resources={
            "workspace": WorkspaceResource(
                home=_variable(HOME_VARIABLE, DEFAULT_HOME),
                source=_variable(SOURCE_VARIABLE, ""),
                root=_variable(ROOT_VARIABLE, ""),
                finetune=_variable(FINETUNE_VARIABLE, ""),
                preset=_variable(PRESET_VARIABLE, ""),
            )
        }
    )
