"""Misspelt words, corrected to the words of the catalogue."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from mmsearch_dagster.core.text.preparation import fold
from mmsearch_dagster.core.text.terms import stem
from mmsearch_dagster.core.understanding.vocabulary import Vocabulary

_LATIN = re.compile(r"[a-z]+")
# Shorter words have too many neighbours, and a second slip is believed of long words only.
_LEAST_LETTERS, _LONG = 3, 7
# A word of fewer than one in so many products is offered, and not taken: a name may be meant. A short word
# asks for a more frequent one, two slips for a longer word: foreign words and noise come as near to some word
# of a large catalogue.
_RARE, _RARE_BESIDE_SHORT = 2_000, 500
_SHORT, _LONG_FOR_TWO_SLIPS = 5, 8


@dataclass(frozen=True)
class Correction:
    """A word and what it probably should be. sure: else the word is a real one, or the other is rare, and the
    correction is offered."""

    word: str
    value: str
    sure: bool


def correction_of(
    word: str, vocabulary: Vocabulary, is_english: Callable[[str], bool] = lambda _: False
) -> Correction | None:
    """The nearest word of the catalogue, None for a word that it has, or that is near to none.

    Of a word that it has in another form only, as singular or plural, that form.

    Never of anything but letters of the Latin alphabet: numbers, units, codes and Chinese stay. Of several
    equally near words the most frequent is taken.

    Args:
        word: one word of a query.
        vocabulary: of the catalogue.
        is_english: whether a word exists, though the catalogue lacks it.
    """
    plain = fold(word)
    usual = vocabulary.usual_form(plain)
    if usual is not None:
        return Correction(word, usual, sure=True)
    if len(plain) < _LEAST_LETTERS or not _LATIN.fullmatch(plain) or vocabulary.has(plain):
        return None
    near = [
        (value, distance)
        for value, distance in _near(plain, vocabulary)
        if _plausible(plain, value, distance)
    ]
    if not near:
        return None
    value, distance = min(
        near, key=lambda pair: (pair[1], pair[0][0] != plain[0], -vocabulary.count(pair[0]), pair[0])
    )
    sure = _is_frequent(value, plain, vocabulary) and (distance < 2 or len(plain) >= _LONG_FOR_TWO_SLIPS)
    return Correction(word, vocabulary.compounds.get(value, value), sure=sure and not is_english(plain))


def _is_frequent(value: str, typed: str, vocabulary: Vocabulary) -> bool:
    """Whether so many products have the word that it is what was meant."""
    rare = _RARE if len(typed) > _SHORT else _RARE_BESIDE_SHORT
    return value in vocabulary.compounds or vocabulary.count(value) * rare >= vocabulary.documents


def _near(word: str, vocabulary: Vocabulary) -> list[tuple[str, int]]:
    """Words of the catalogue at a distance of optimal string alignment of 1, of long words 2."""
    from rapidfuzz import process
    from rapidfuzz.distance import OSA

    cutoff = 2 if len(word) >= _LONG else 1
    found = process.extract(word, vocabulary.spellings, scorer=OSA.distance, score_cutoff=cutoff, limit=None)
    return [(value, int(distance)) for value, distance, _ in found]


def _plausible(word: str, value: str, distance: int) -> bool:
    """Whether the slip is one that people make: short words keep their first letter and, of three letters,
    lack or swap one; a second slip leaves the first letter."""
    if len(word) == _LEAST_LETTERS:
        swapped = sorted(word) == sorted(value)
        return value[0] == word[0] and (swapped or len(value) > len(word))
    if len(word) == _LEAST_LETTERS + 1 or distance > 1:
        return value[0] == word[0] and stem(value) != stem(word[:-1])
    return True
