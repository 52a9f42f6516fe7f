"""A process that refreshes a home and kills itself on the way, without any chance to tidy up."""

import os
import signal
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from typing import Literal

from tests.homes import Place

Moment = Literal["start", "advance", "finish"]

# Imported once by the server that all children are forked from: each would spend seconds on them.
_PRELOADED = (
    "torch",
    "mlflow.pyfunc",
    "mlflow.store.tracking.sqlalchemy_store",
    "mlflow.store.model_registry.sqlalchemy_store",
    "great_expectations",
    "matplotlib.pyplot",
    "onnxruntime",
    "lancedb",
    "torch._dynamo",
    "lightgbm",
    "mmsearch_dagster.pipeline.run",
    "tests.homes",
    "tests.frozen_imports",
)


@dataclass
class Killer:
    """Watches the work and sends SIGKILL to its own process at the `count`-th such moment of a stage."""

    stage: str
    moment: Moment
    count: int = 1

    def start(self, stage: str, total: int) -> None:
        self._strike(stage, "start")

    def advance(self, stage: str, items: int) -> None:
        self._strike(stage, "advance")

    def finish(self, stage: str, note: str = "") -> None:
        self._strike(stage, "finish")

    def _strike(self, stage: str, moment: Moment) -> None:
        if (stage, moment) == (self.stage, self.moment):
            self.count -= 1
            if self.count == 0:
                os.kill(os.getpid(), signal.SIGKILL)


def _refresh(place: Place, killer: Killer, dies_in: str | None) -> None:
    from mmsearch_dagster.core.progress import PROGRESS
    from mmsearch_dagster.pipeline.run import refresh

    if dies_in:
        _die_in(dies_in)
    PROGRESS.set(killer)
    refresh(place.workspace)


def _die_in(method: str) -> None:
    """The registry's own method becomes the end of the process."""
    from mmsearch_dagster.adapters.registry.registry import Registry

    assert hasattr(Registry, method)
    setattr(Registry, method, lambda *args, **kwargs: os.kill(os.getpid(), signal.SIGKILL))


def refresh_and_die(place: Place, killer: Killer, *, dies_in: str | None = None) -> int | None:
    """Exit code of a process that refreshed `place` under that killer; minus the signal that ended it."""
    context = get_context("forkserver")
    context.set_forkserver_preload(list(_PRELOADED))
    child: BaseProcess = context.Process(target=_refresh, args=(place, killer, dies_in))
    child.start()
    child.join()
    return child.exitcode
