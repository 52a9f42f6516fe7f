"""What a recogniser understood, and how wrong it may be."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

RATE = 16_000
# English words that full-text search drops; a clap is recognised as one of them.
FILLERS = frozenset((
    "a", "an", "and", "are", "as", "at", "be", "but", "by", "for", "if", "in", "into", "is", "it", "no",
    "not", "of", "on", "or", "such", "that", "the", "their", "then", "there", "these", "they", "this",
    "to", "was", "will", "with",
))  # fmt: skip


@dataclass(frozen=True)
class Transcript:
    """The words of one recording. confidence: 0..1, of the whole; 0 where nothing was understood."""

    text: str
    confidence: float

    @property
    def words(self) -> tuple[str, ...]:
        return tuple(self.text.split())

    @property
    def says_something(self) -> bool:
        """Whether there is a word among them that a product can be found by."""
        bare = (word.lower().strip(".,!?") for word in self.words)
        return any(word and word not in FILLERS for word in bare)


NOTHING = Transcript("", 0.0)


class Recogniser(Protocol):
    """Speech to text; safe to share between threads."""

    @property
    def fingerprint(self) -> str:
        """Sixteen hex digits that change when transcripts would."""
        ...

    def transcribe(self, samples: NDArray[np.float32]) -> Transcript:
        """Recognises the words of a recording.

        Args:
            samples: mono float32 [n] at RATE.

        Returns:
            The transcript; NOTHING where no word is understood.
        """
        ...


def word_errors(spoken: Sequence[str], understood: Sequence[str]) -> int:
    """Least number of words replaced, left out or put in that turns one into the other (Levenshtein 1966).

    >>> word_errors("red running shoes".split(), "red shoe".split())
    2
    """
    row = list(range(len(understood) + 1))
    for number, word in enumerate(spoken, start=1):
        diagonal, row[0] = row[0], number
        for column, other in enumerate(understood, start=1):
            replaced = diagonal + (word != other)
            diagonal = row[column]
            row[column] = min(replaced, row[column] + 1, row[column - 1] + 1)
    return row[-1]


def word_error_rate(pairs: Sequence[tuple[Sequence[str], Sequence[str]]]) -> float:
    """Errors of all pairs (said, understood) per word said: (S + D + I) / N (NIST sclite); may exceed 1.

    Nothing said at all: 0.0 when nothing was understood either, else one per word understood.

    >>> word_error_rate([(["red", "shoes"], ["red"]), (["blue", "hat"], ["blue", "hat"])])
    0.25
    """
    errors = sum(word_errors(spoken, understood) for spoken, understood in pairs)
    return errors / max(1, sum(len(spoken) for spoken, _ in pairs))
