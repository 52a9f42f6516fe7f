"""Who reads the queries of `tests.bench.voice` aloud: voices of espeak-ng."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle

import numpy as np
from numpy.typing import NDArray

from mmsearch_dagster.adapters.speech.espeak import speak

Voice = tuple[str, int, int]  # name, words per minute, pitch
# Those of the README's figures, and others: men and women, slow and fast, low and high, of other places.
VOICES: tuple[Voice, ...] = (
    ("en-us", 150, 50), ("en-us+m3", 140, 45), ("en-us+f2", 150, 55), ("en-gb", 140, 50),
)  # fmt: skip
MORE_VOICES: tuple[Voice, ...] = (
    ("en-us+m1", 130, 40), ("en-us+m2", 160, 35), ("en-us+m4", 150, 60), ("en-us+m5", 120, 50),
    ("en-us+m6", 170, 45), ("en-us+m7", 150, 30), ("en-us+f1", 140, 60), ("en-us+f3", 160, 50),
    ("en-us+f4", 130, 55), ("en-us+f5", 180, 65), ("en-gb+f2", 160, 70), ("en-029", 150, 50),
)  # fmt: skip


@dataclass(frozen=True)
class Reading:
    """One query in one voice."""

    query_id: str
    text: str
    voice: Voice
    samples: NDArray[np.float32]


def read_aloud(texts: Mapping[str, str], voices: Sequence[Voice], *, every: bool) -> list[Reading]:
    """Each query in every voice, or in one: the voices take turns."""
    turns = [(key, one) for key in texts for one in voices] if every else list(zip(texts, cycle(voices)))
    return [Reading(key, texts[key], voice, speak(texts[key], *voice)) for key, voice in turns]
