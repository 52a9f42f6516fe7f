"""Transcripts of spoken queries: each recording is recognised once, by the recogniser of the next release."""

import json
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from mmsearch_dagster.adapters.feature_store.feature_store import file_content
from mmsearch_dagster.adapters.host.process_pool import chunked, map_in_processes
from mmsearch_dagster.adapters.lake.snapshots import Snapshot
from mmsearch_dagster.core.errors import QueryError
from mmsearch_dagster.core.progress import PROGRESS
from mmsearch_dagster.core.speech.spec import RecogniserSpec
from mmsearch_dagster.core.speech.transcript import NOTHING, Transcript
from mmsearch_dagster.pipeline.workspace import Workspace

if TYPE_CHECKING:
    from mmsearch_dagster.core.speech.language import Language

_FOLDER = "transcripts"
_STAGE = "voices"
# Fewer are done before another process has started.
_LEAST_RECORDINGS = 10

_Recording = tuple[str, Path]  # content key, file
_Texts = dict[str, tuple[str, float]]  # content key -> text, confidence


class StoredTranscript:
    """Stands for the recogniser where a recording was recognised before."""

    def __init__(self, transcript: Transcript) -> None:
        self._transcript = transcript

    def transcribe(self, recording: bytes) -> Transcript:
        """The transcript. Raises QueryError for a recording that cannot be read, as the engine does."""
        from mmsearch_dagster.adapters.speech.pocketsphinx import recorded

        if not self._transcript.text:  # nothing was said in it, or it cannot be read
            recorded(recording)
        return self._transcript


def language(inputs: Mapping[str, Snapshot]) -> "Language":
    """What shoppers of this catalogue may say, by its words and by what was searched for.

    inputs: snapshots of `products` and `searches`, among others.
    """
    from mmsearch_dagster.core.speech.language import shop_language

    return shop_language(*(inputs[name].table() for name in ("products", "searches")))


def recogniser_fingerprint(workspace: Workspace, language: "Language") -> str:
    """The recogniser of this run's catalogue, not loaded."""
    from mmsearch_dagster.adapters.speech.pocketsphinx import fingerprint_of

    return fingerprint_of(workspace.preset.recogniser, lambda: language)


def transcribe_queries(
    workspace: Workspace, language: "Language", voices: Mapping[str, Path]
) -> dict[str, Transcript]:
    """Query id -> what was recognised, however doubtful; NOTHING of a recording that cannot be read."""
    if not voices:
        return {}
    from mmsearch_dagster.adapters.lake.snapshots import write_atomically

    kept = workspace.paths.features / _FOLDER / f"{recogniser_fingerprint(workspace, language)}.json"
    stored = json.loads(kept.read_text(encoding="utf-8")) if kept.is_file() else {}
    contents = {key: file_content(path) for key, path in voices.items()}
    new = sorted(
        {content.key: voices[key] for key, content in contents.items() if content.key not in stored}.items()
    )
    if new:
        stored |= _recognise(workspace, language, new)
        write_atomically(kept, json.dumps(stored, ensure_ascii=False, sort_keys=True).encode())
    return {key: Transcript(*stored[content.key]) for key, content in contents.items()}


def _recognise(workspace: Workspace, language: "Language", recordings: Sequence[_Recording]) -> _Texts:
    """Content key -> text and confidence; what cannot be read has an empty transcript."""
    workspace.progress.start(_STAGE, len(recordings))
    chunks = chunked(recordings, least=_LEAST_RECORDINGS)
    work = partial(_transcribe_chunk, workspace.preset.recogniser, language)
    parts = map_in_processes(work, chunks, processes=len(chunks))
    transcripts = {key: transcript for part in parts for key, transcript in part.items()}
    workspace.progress.finish(_STAGE, f"{sum(bool(text) for text, _ in transcripts.values())} understood")
    return transcripts


def _transcribe_chunk(spec: RecogniserSpec, language: "Language", recordings: Sequence[_Recording]) -> _Texts:
    from mmsearch_dagster.adapters.speech.pocketsphinx import open_recogniser
    from mmsearch_dagster.serving.transcriber import Transcriber

    transcriber, transcripts = Transcriber(lambda: open_recogniser(spec, lambda: language)), {}
    for key, path in recordings:
        try:
            transcript = transcriber.transcribe(path.read_bytes())
        except (OSError, QueryError):
            transcript = NOTHING
        transcripts[key] = (transcript.text, transcript.confidence)
        PROGRESS.get().advance(_STAGE, 1)
    return transcripts
