"""One process that reads, validates and encodes a catalogue, and prints what the encoding cost.

`python -m tests.bench.encode_run HOME SOURCE`
"""

import json
import sys
import time
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path

from mmsearch_dagster.adapters.feature_store.feature_store import FeatureRead, FeatureStore
from mmsearch_dagster.core.encoders.protocol import Content, Encoder, EncoderSpec
from mmsearch_dagster.core.modalities import IMAGE, TEXT
from mmsearch_dagster.core.progress import Progress
from mmsearch_dagster.core.release import EncoderIdentity
from mmsearch_dagster.pipeline.features.encode import encode_catalogue
from mmsearch_dagster.pipeline.ingest.tables import read_raw, validate
from mmsearch_dagster.pipeline.workspace import Workspace
from mmsearch_dagster.settings import Settings


class TimedStore(FeatureStore):
    """A feature store that adds up what asking it took: reading, loading, encoding, writing."""

    seconds = 0.0

    def obtain(
        self,
        identity: EncoderIdentity,
        contents: Sequence[Content],
        load: Callable[[], Encoder],
        progress: Progress,
        stage: str,
    ) -> FeatureRead:
        read = super().obtain(identity, contents, load, progress, stage)
        self.seconds += read.seconds
        return read


class TimedWorkspace(Workspace):
    """A workspace that adds up what loading its encoders took."""

    loading = 0.0

    @cached_property
    def features(self) -> TimedStore:
        return TimedStore(self.paths.features)

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
    workspace = TimedWorkspace(Settings(Path(home), Path(source)))
    read_raw(workspace, "products")
    validate(workspace, "products")
    reports = [encode_catalogue(workspace, modality) for modality in (TEXT, IMAGE)]
    calls = sum(report.metrics["encoded now"] for report in reports)
    loading = workspace.loading
    print(json.dumps({"calls": calls, "loading": loading, "encoding": workspace.features.seconds - loading}))


if __name__ == "__main__":
    main(*sys.argv[1:3])
