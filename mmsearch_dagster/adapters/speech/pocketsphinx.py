"""Recognisers of speech: pocketsphinx in the catalogue's own language, or a transformers model."""

import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mmsearch_dagster.core.digest import digest_of
from mmsearch_dagster.core.errors import QueryError
from mmsearch_dagster.core.media.audio import UnreadableAudioError, open_audio
from mmsearch_dagster.core.speech.language import Language, bigrams
from mmsearch_dagster.core.speech.noise import loudness_range, without_noise
from mmsearch_dagster.core.speech.pooling import SpeechGuess, pooled
from mmsearch_dagster.core.speech.pronunciation import british, pronounce
from mmsearch_dagster.core.speech.spec import RecogniserSpec
from mmsearch_dagster.core.speech.transcript import NOTHING, RATE, Recogniser, Transcript

if TYPE_CHECKING:
    from pocketsphinx import Decoder, Hypothesis

Samples = NDArray[np.float32]

MAX_SECONDS = 60.0
_LIBRARY = "pocketsphinx"
# Changes whenever transcripts would: of the code below or the language's.
_CODE = 4
# Quieter recordings hold nobody's voice.
_SILENCE = 1e-4
_PEAK = 0.5
# Samples that are exactly zero have no logarithm and throw the normalisation off: measured on clean
# synthetic speech, word errors fall from 79 % to 27 % with a floor of faint pink noise around and below.
_FLOOR = 0.003
_MARGIN = RATE // 4
# Range of loudness of steady noise, and of speech 10 dB above it.
_STEADY_DB, _LIVELY_DB = 3.0, 12.0
# With a higher confidence than this, a recording is not recognised a second time.
_SURE = 0.55
_GUESSES = 20
# How much the language counts beside the sound; the library's own 6.5 is for dictation.
_LANGUAGE_WEIGHT = 8.0
_VOCAL_TRACT_STRETCHES = ((12, 13), (13, 12))


def recorded(content: bytes) -> Samples:
    """Decodes a recording.

    Args:
        content: WAV, FLAC, OGG, MP3 or WebM of any rate.

    Returns:
        Mono float32 [n] at RATE.

    Raises:
        QueryError: the recording cannot be read, or is longer than MAX_SECONDS.
    """
    try:
        samples = open_audio(content, RATE, max_seconds=MAX_SECONDS + 1)
    except UnreadableAudioError as error:
        raise QueryError(f"the voice of the query cannot be read: {error}") from error
    if samples.size > MAX_SECONDS * RATE:
        raise QueryError(f"the voice of the query is longer than {MAX_SECONDS:.0f} seconds: say it shorter")
    return samples


class SphinxRecogniser:
    """Hears the words of one catalogue, in English. Safe to share: one recording at a time."""

    def __init__(self, decoder: "Decoder", fingerprint: str) -> None:
        self._decoder = decoder
        self._fingerprint = fingerprint
        self._lock = threading.Lock()

    @property
    def fingerprint(self) -> str:
        return self._fingerprint

    def transcribe(self, samples: Samples) -> Transcript:
        """Recognises the words of a recording.

        A doubtful recording is recognised again with a longer and a shorter vocal tract; then all guesses are
        pooled.

        Args:
            samples: mono float32 [n] at RATE.

        Returns:
            The transcript. Its confidence is the posterior probability of the words in the lattice, its root
            of one more than their number; less where the loudness hardly changes, as in steady noise.
        """
        trust = _like_speech(samples)
        if np.abs(samples).max(initial=0.0) < _SILENCE or not trust:
            return NOTHING
        cleaned = without_noise(samples)
        first = self._decode(cleaned)
        best = first.chosen
        if best.confidence < _SURE:
            best = pooled(
                [first, *(self._decode(_with_tract(cleaned, *lengths)) for lengths in _VOCAL_TRACT_STRETCHES)]
            )
        return Transcript(best.text, trust * best.confidence) if best.text else NOTHING

    def _decode(self, samples: Samples) -> SpeechGuess:
        pcm = np.round(_on_a_floor(samples) * 32_767).astype(np.int16).tobytes()
        with self._lock:
            self._decoder.reinit_feat()  # else the result depends on the recording before it
            self._decoder.start_utt()
            self._decoder.process_raw(pcm, full_utt=True)
            self._decoder.end_utt()
            best = self._decoder.hyp()
            guesses = [_text_and_likelihood(guess) for guess in islice(self._decoder.nbest(), _GUESSES)]
        if best is None or not best.hypstr:
            return SpeechGuess(NOTHING)
        root = 1 / (len(best.hypstr.split()) + 1)
        chosen = Transcript(best.hypstr, float(np.clip(best.prob, 0.0, 1.0)) ** root)
        return SpeechGuess(chosen, tuple((text, score) for text, score in guesses if text and score > 0))


def _text_and_likelihood(guess: "Hypothesis | None") -> tuple[str, float]:
    """Text and likelihood; of a clap or a hum the library gives None among its best guesses."""
    return (guess.hypstr or "", guess.score) if guess is not None else ("", 0.0)


def _with_tract(samples: Samples, longer: int, shorter: int) -> Samples:
    """The recording as a mouth of another size would have made it: all frequencies times a ratio."""
    from scipy.signal import resample_poly

    return resample_poly(samples, longer, shorter).astype(np.float32)


def _like_speech(samples: Samples) -> float:
    """0 for a steady sound, 1 for what swells and pauses as speech does."""
    return float(np.clip((loudness_range(samples) - _STEADY_DB) / (_LIVELY_DB - _STEADY_DB), 0.0, 1.0))


def _on_a_floor(samples: Samples) -> Samples:
    """The recording at a known loudness, with a little quiet around it and faint noise under all of it."""
    level = max(float(np.abs(samples).max()), _SILENCE)
    wide = np.pad(samples.astype(np.float64) / level * _PEAK, _MARGIN)
    noise = np.fft.rfft(np.random.default_rng(0).standard_normal(wide.size))
    pink = np.fft.irfft(noise / np.sqrt(np.arange(1, noise.size + 1)), wide.size)
    return np.clip(wide + pink / pink.std() * _FLOOR, -1.0, 1.0).astype(np.float32)


def open_sphinx(language: Language) -> SphinxRecogniser:
    """The embedded recogniser for one catalogue; words that cannot be pronounced are left out."""
    from pocketsphinx import Decoder

    dictionary = _dictionary()
    with tempfile.TemporaryDirectory() as folder:
        words, model = Path(folder) / "catalogue.dict", Path(folder) / "catalogue.arpa"
        spoken = {word: _pronunciations(word, dictionary) for word in language.words}
        speakable = {word: phones for word, phones in spoken.items() if phones}
        # A dictionary of these words alone: with all of its 134,000, a small catalogue takes half a
        # minute to open.
        words.write_text(_as_dictionary(speakable), encoding="ascii")
        model.write_text(bigrams(language, speakable), encoding="ascii")
        files = {"dict": str(words), "lm": str(model)}
        decoder = Decoder(samprate=RATE, loglevel="FATAL", lw=_LANGUAGE_WEIGHT, **files)
    return SphinxRecogniser(decoder, _sphinx_fingerprint(language))


@cache
def _dictionary() -> dict[str, list[str]]:
    """Each word of the recogniser's own dictionary and all the ways it is said."""
    from pocketsphinx import get_model_path

    dictionary: dict[str, list[str]] = {}
    file = Path(get_model_path()) / "en-us" / "cmudict-en-us.dict"
    for line in file.read_text(encoding="utf-8").splitlines():
        word, _, phones = line.partition(" ")
        dictionary.setdefault(word.partition("(")[0], []).append(phones.strip())
    return dictionary


def _pronunciations(word: str, dictionary: Mapping[str, Sequence[str]]) -> Sequence[str]:
    """Every way to say it, in America and in Britain; none where nobody can."""
    phones = pronounce(word, lambda part: dictionary[part][0] if part in dictionary else None)
    ways = dictionary.get(word) or ([phones] if phones else [])
    return list(dict.fromkeys([*ways, *map(british, ways)]))


def _as_dictionary(spoken: Mapping[str, Sequence[str]]) -> str:
    """The file's form: the second way to say a word is `word(2)`."""
    return "".join(
        f"{word if number == 1 else f'{word}({number})'} {phones}\n"
        for word, ways in sorted(spoken.items())
        for number, phones in enumerate(ways, start=1)
    )


def _sphinx_fingerprint(language: Language) -> str:
    return digest_of(
        {"library": _LIBRARY, "version": version(_LIBRARY), "language": language.digest, "code": _CODE}
    )


def fingerprint_of(spec: RecogniserSpec, language: Callable[[], Language]) -> str:
    """The fingerprint of the recogniser that `open_recogniser` gives, without loading it."""
    if spec.library == _LIBRARY:
        return _sphinx_fingerprint(language())
    from mmsearch_dagster.adapters.speech.transformers_asr import fingerprint

    return fingerprint(spec)


def open_recogniser(spec: RecogniserSpec, language: Callable[[], Language]) -> Recogniser:
    """The configured recogniser. language: called only by a recogniser that needs the catalogue's words.

    Raises ConfigError when the files of a transformers model are not on this machine.
    """
    if spec.library == _LIBRARY:
        return open_sphinx(language())
    from mmsearch_dagster.adapters.speech.transformers_asr import open_network

    return open_network(spec)
