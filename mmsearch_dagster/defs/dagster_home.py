"""Dagster's own folder in a home: its settings, and its runs that nobody works at any more."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from mmsearch_dagster.pipeline.home import write_texts
from mmsearch_dagster.settings import Settings

if TYPE_CHECKING:
    from dagster import DagsterInstance

# Marks the runs of `mmsearch run`, which have no process but that command's.
COMMAND_RUN = {"mmsearch/command": "run"}
# Every run writes the same home: a second one waits in the queue. Where somebody allows more, the pool still
# keeps two trainings apart.
_BEFORE_TICKS = """\
telemetry:
  enabled: false
nux:
  enabled: false
freshness:
  enabled: true
concurrency:
  runs:
    max_concurrent_runs: 1
  pools:
    granularity: run
    default_limit: 1
"""
# Two sensors and a reviewer's look tick thousands of times a day, and nearly all of them do nothing.
_TICKS = """\
retention:
  schedule:
    purge_after_days: {skipped: 7, failure: 90, success: 90, started: 90}
  sensor:
    purge_after_days: {skipped: 1, failure: 30, success: 30, started: 30}
"""
_DAGSTER_YAML = f"{_BEFORE_TICKS}{_TICKS}"
# What homes of before there were pools have.
_BEFORE_POOLS = """\
telemetry:
  enabled: false
nux:
  enabled: false
concurrency:
  runs:
    max_concurrent_runs: 1
"""
# A file that somebody changed stays as it is.
_FORMER = (_BEFORE_POOLS, _BEFORE_TICKS)
# The repository's workspace.yaml does not come with an installed package.
_WORKSPACE_YAML = """\
load_from:
  - python_module:
      module_name: mmsearch_dagster.definitions
      location_name: mmsearch
"""


def prepare_dagster(settings: Settings) -> None:
    """Point this process and its children at the home's own Dagster folder."""
    folder = settings.paths.dagster
    configuration = folder / "dagster.yaml"
    texts = {workspace_file(settings).name: _WORKSPACE_YAML}
    if not configuration.exists() or configuration.read_text(encoding="utf-8") in _FORMER:
        texts[configuration.name] = _DAGSTER_YAML
    write_texts(settings, folder, texts)
    os.environ.update({"DAGSTER_HOME": str(folder), **settings.as_environment()})


def workspace_file(settings: Settings) -> Path:
    """Where Dagster's servers read which code to load, under which name."""
    return settings.paths.dagster / "workspace.yaml"


def end_dead_runs(instance: "DagsterInstance", *, tags: Mapping[str, str] | None = None) -> None:
    """Runs with these tags whose process was killed: Dagster would show them as under way for ever, and let
    them hold its queue. The caller knows that none is alive: it is alone in the home."""
    import dagster as dg

    begun = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]
    for run in instance.get_runs(dg.RunsFilter(tags=dict(tags or {}), statuses=begun)):
        instance.report_run_failed(run, "its process ended before the run did")
