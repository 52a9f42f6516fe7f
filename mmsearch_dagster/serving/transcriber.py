"""The speech recogniser of a release: a recording becomes a transcript, or an error that says why not."""

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from mmsearch_dagster.core.speech.transcript import Transcript

if TYPE_CHECKING:
    from mmsearch_dagster.core.speech.transcript import Recogniser


class SpeechToText(Protocol):
    """What preparing a query needs of a recogniser."""

    def transcribe(self, recording: bytes) -> Transcript:
        """What is said in a recording. Raises QueryError for one that cannot be read."""
        ...


class Transcriber:
    """Opens its recogniser with the first recording. Safe to share between threads."""

    def __init__(self, open_recogniser: "Callable[[], Recogniser]") -> None:
        self._open = open_recogniser
        self._recogniser: Recogniser | None = None
        self._lock = threading.Lock()

    def transcribe(self, recording: bytes) -> Transcript:
        """What is said in a recording (WAV, FLAC, OGG, MP3, WebM).

        Raises QueryError for a recording that cannot be read, ConfigError when the recogniser cannot start.
        """
        from mmsearch_dagster.adapters.speech.pocketsphinx import recorded

        samples = recorded(recording)
        with self._lock:
            self._recogniser = self._recogniser or self._open()
        return self._recogniser.transcribe(samples)
