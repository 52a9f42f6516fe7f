"""One process that reads, validates and encodes a catalogue, and prints what the encoding cost.

`python -m tests.bench.encode_run HOME SOURCE`
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

from mmsearch_dagster.core.encoders.protocol import Encoder, EncoderSpec
from mmsearch_dagster.core.modalities import IMAGE, TEXT
from mmsearch_dagster.core.progress import WATCHER
from mmsearch_dagster.defs.features.steps import encode_catalogue
from mmsearch_dagster.defs.ingest.steps import read_raw, validate
from mmsearch_dagster.defs.workspace import Workspace
from mmsearch_dagster.settings import Settings


class Stopwatch:
    """A Progress that adds up the seconds between a stage's start and its finish."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._began = 0.0

    def start(self, stage: str, total: int) -> None:
        self._began = time.perf_counter()

    def advance(self, stage: str, items: int) -> None: ...

    def finish(self, stage: str, note: str = "") -> None:
        self.seconds += time.perf_counter() - self._began


class TimedLoading(Workspace):
    """A workspace that adds up what loading its encoders took."""

    loading = 0.0

    def loader(self, spec: EncoderSpec) -> Callable[[], Encoder]:
        load = super().loader(spec)

        def timed() -> Encoder:
            began = time.perf_counter()
            encoder = load()
            self.loading += time.perf_counter() - began
            return encoder

        return timed


def main(home: str, source: str) -> None:
    """Print as JSON `calls` (contents given to an encoder), `loading` and `encoding` (both in seconds)."""
    workspace = TimedLoading(Settings(Path(home), Path(source)))
    read_raw(workspace, "products")
    validate(workspace, "products")
    watch = Stopwatch()
    WATCHER.set(watch)
    reports = [encode_catalogue(workspace, modality) for modality in (TEXT, IMAGE)]
    calls = sum(report.figures["encoded now"] for report in reports)
    loading = workspace.loading
    print(json.dumps({"calls": calls, "loading": loading, "encoding": watch.seconds - loading}))


if __name__ == "__main__":
    main(*sys.argv[1:3])
