"""One refresh in this process: Dagster runs the assets, the terminal shows them."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
from filelock import FileLock, Timeout

from mmsearch_dagster.core.errors import GateRefusedError, MmsearchError, UserError
from mmsearch_dagster.settings import Settings
from mmsearch_dagster.terminal import tables
from mmsearch_dagster.terminal.display import Display, console

_DAGSTER_YAML = """\
telemetry:
  enabled: false
"""


def prepare_dagster(settings: Settings) -> None:
    """Point this process and its children at the home's own Dagster folder."""
    folder = settings.paths.dagster
    folder.mkdir(parents=True, exist_ok=True)
    configuration = folder / "dagster.yaml"
    if not configuration.exists():
        configuration.write_text(_DAGSTER_YAML, encoding="utf-8")
    os.environ.update({"DAGSTER_HOME": str(folder), **settings.as_environment()})


@contextmanager
def alone(settings: Settings) -> Iterator[None]:
    """Only one refresh at a time in one home; the lock dies with its process."""
    settings.home.mkdir(parents=True, exist_ok=True)
    lock = FileLock(settings.paths.lock)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise UserError(
            f"another run is at work in {settings.home}: wait for it, or use another --home"
        ) from error
    try:
        yield
    finally:
        lock.release()


def run(settings: Settings) -> None:
    """Refresh and show what came of it. Raises what stopped it."""
    _check_source(settings)
    with alone(settings):
        prepare_dagster(settings)
        with Display():
            _execute()
    show_gate(settings)


def _check_source(settings: Settings) -> None:
    """The user's mistakes come out before anything is written."""
    from mmsearch_dagster.adapters.sources.source import load_source

    if settings.source is not None:
        load_source(settings.source, settings.root, require=("products",))


def _execute() -> None:
    import dagster as dg

    from mmsearch_dagster.defs.loading import everything

    job = everything().resolve_job_def("refresh")
    quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    with dg.DagsterInstance.get() as instance:
        result = job.execute_in_process(run_config=quiet, instance=instance, raise_on_error=False)
        if result.success:
            return
        failures = [event for event in result.all_events if event.is_step_failure]
    _raise(failures)


def _raise(failures: list) -> None:
    """The first failure as the error it was."""
    for event in failures:
        error = event.step_failure_data.error
        while error is not None and error.cause is not None:
            error = error.cause
        if error is None:
            continue
        family = {kind.__name__: kind for kind in _family(MmsearchError)}
        kind = family.get(error.cls_name or "")
        text = error.message.split(":", 1)[-1].strip()
        if kind is not None:
            raise kind(text)
        if error.cls_name == "DagsterAssetCheckFailedError":
            raise GateRefusedError(
                "a blocking check failed, nothing was released: see the table, or the run in Dagster"
            )
        raise MmsearchError(f"step {event.step_key} failed: {error.message.strip()}")
    raise MmsearchError("the run failed before any step; `mmsearch up` shows it in Dagster")


def _family(kind: type[MmsearchError]) -> Iterator[type[MmsearchError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _family(child)


def show_gate(settings: Settings) -> None:
    """Quality and the gate's table of the latest evaluation."""
    from mmsearch_dagster.adapters.lake import Lake

    report = Lake(settings.paths.lake).current("evaluation_report").folder
    measured = pl.read_parquet(report / "quality.parquet")
    for kind in measured["kind"].unique(maintain_order=True):
        console.print(tables.quality(measured, kind))
    console.print(tables.gate(json.loads(Path(report / "decision.json").read_text(encoding="utf-8"))))
