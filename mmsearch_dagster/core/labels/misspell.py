"""Typing errors as people make them: a letter left out, doubled, swapped, or its neighbour typed."""

import re

import numpy as np

_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_NEIGHBOURS = {
    letter: row[max(0, index - 1) : index] + row[index + 1 : index + 2]
    for row in _ROWS
    for index, letter in enumerate(row)
}
# Short words, numbers and codes are left as they are: an error there makes another thing of them.
_WORD = re.compile(r"[A-Za-z]{5,}")


def misspell(text: str, rng: np.random.Generator) -> str:
    """One typing error in one long word of Latin letters; the same text where there is no such word.

    The first letter stays: it is the one that people get right.
    """
    words = text.split(" ")
    rows = [row for row, word in enumerate(words) if _WORD.fullmatch(word)]
    if not rows:
        return text
    row = rows[int(rng.integers(len(rows)))]
    words[row] = _with_error(words[row], int(rng.integers(1, len(words[row]) - 1)), rng)
    return " ".join(words)


def _with_error(word: str, at: int, rng: np.random.Generator) -> str:
    before, letter, after = word[:at], word[at], word[at + 1 :]
    near = _NEIGHBOURS[letter.lower()]
    errors = (
        before + after,
        before + letter + letter + after,
        before + after[0] + letter + after[1:],
        before + near[int(rng.integers(len(near)))] + after,
    )
    different = [error for error in errors if error != word]
    return different[int(rng.integers(len(different)))]
