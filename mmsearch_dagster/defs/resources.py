"""The one resource: which home and which shop."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg

from mmsearch_dagster.pipeline.home import check_location, locked_step_in, recall
from mmsearch_dagster.pipeline.workspace import Workspace
from mmsearch_dagster.settings import (
    DEFAULT_HOME,
    FINETUNE_TEXT_VARIABLE,
    FINETUNE_VARIABLE,
    HOME_VARIABLE,
    PRESET_VARIABLE,
    ROOT_VARIABLE,
    SOURCE_VARIABLE,
    RunOptions,
    Settings,
    options_from_environment,
    settle,
)

# Of steps that learn something: only one run with such steps is under way, whatever else the queue allows.
TRAINING_POOL = "training"


class WorkspaceResource(dg.ConfigurableResource):
    """Folder that holds everything a run writes, and the shop to read.

    Empty means the options of the home's last run; where there was none, the embedded sample store.
    finetune, finetune_text: anything but nothing turns on the fine-tuning of the image encoder, of the text
    encoder. preset: a file instead of the reviewed presets/run.yaml. waits: for a refresh from the command
    line to end, which is alone in its home; only that one does not wait, for itself, and remembers nothing
    more.
    """

    home: str
    source: str = ""
    root: str = ""
    finetune: str = ""
    finetune_text: str = ""
    preset: str = ""
    waits: bool = True

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> "Iterator[WorkspaceResource]":
        """Around each step that has a process of its own, else around the whole run."""
        if not self.waits:
            yield self
            return
        message = f"waiting for the refresh that is alone in {self.home}"
        with locked_step_in(Path(self.home).resolve(), lambda: dg.get_dagster_logger().info(message)):
            yield self

    def open(self) -> Workspace:
        """The workspace these settings name. Raises MovedHomeError in a home that was moved or copied."""
        check_location(self._settings.home)
        return Workspace(self._settings)

    @property
    def _settings(self) -> Settings:
        home = Path(self.home).resolve()
        if not self.waits:  # that refresh was settled when it began
            return settle(home, self._options)
        # Looked up by each step: servers run for weeks, `mmsearch run` may have been asked otherwise since.
        return settle(home, self._options, recall(home))

    @property
    def _options(self) -> RunOptions:
        return options_from_environment(
            {
                SOURCE_VARIABLE: self.source,
                ROOT_VARIABLE: self.root,
                FINETUNE_VARIABLE: self.finetune,
                FINETUNE_TEXT_VARIABLE: self.finetune_text,
                PRESET_VARIABLE: self.preset,
            }
        )


def resource_of(settings: Settings) -> WorkspaceResource:
    """The resource that opens the workspace of these settings."""
    return WorkspaceResource(
        home=str(settings.home),
        source=str(settings.source or ""),
        root=str(settings.root or ""),
        finetune="1" if settings.finetune else "",
        finetune_text="1" if settings.finetune_text else "",
        preset=str(settings.preset or ""),
    )


def watching_workspace() -> Workspace:
    """The home of the environment for a sensor, which only looks: it takes no lock and waits for no run."""
    home = Path(os.environ.get(HOME_VARIABLE) or DEFAULT_HOME).resolve()
    return Workspace(settle(home, options_from_environment(), recall(home)))


def _variable(name: str, default: str) -> dg.EnvVar | str:
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
                finetune_text=_variable(FINETUNE_TEXT_VARIABLE, ""),
                preset=_variable(PRESET_VARIABLE, ""),
            )
        }
    )
