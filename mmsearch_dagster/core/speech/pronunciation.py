"""How a word sounds that the recogniser's dictionary lacks: from its parts, else from its letters.

Phones are those of the CMU Pronouncing Dictionary, without stress.
"""

import re
from collections.abc import Callable

# word -> its phones, None where the dictionary lacks it
Dictionary = Callable[[str], str | None]

_VOICELESS = {"P", "T", "K", "F", "TH"}
_SIBILANTS = {"S", "Z", "SH", "ZH", "CH", "JH"}
_VOWELS = {"AA", "AE", "AH", "AO", "AW", "AY", "EH", "ER", "EY", "IH", "IY", "OW", "OY", "UH", "UW"}
_LONGEST_INITIALS = 4
_SHORTEST_PART = 3
_LONGEST_WORD = 30
# Of `strip` it would be `strippy`: `stripy` is of `stripe`.
_SINGLE_CONSONANT = re.compile("[^aeiou][aeiou][^aeiouwxy]$")

# Letters to sounds, the first that matches at a place; in the manner of Elovitz et al., Letter-to-Sound
# Rules for Automatic Translation of English Text to Phonetics (1976), reduced to what names need.
_RULES = tuple(
    (re.compile(pattern), phones)
    for pattern, phones in (
        ("tion", "SH AH N"), ("[sz]ion", "ZH AH N"), ("ture$", "CH ER"), ("eau", "OW"), ("igh", "AY"),
        ("eigh", "EY"), ("ough", "AO"), ("tch", "CH"), ("sch", "SH"), ("dge", "JH"), ("que$", "K"),
        ("(?<=^)kn", "N"), ("(?<=^)wr", "R"), ("(?<=^)ps", "S"), ("(?<=^)x", "Z"), ("ch", "CH"),
        ("sh", "SH"), ("th", "TH"), ("ph", "F"), ("wh", "W"), ("ck", "K"), ("ng(?![aeiouy])", "NG"),
        ("nk", "NG K"), ("qu", "K W"), ("gh", "G"), ("(?<=^)fj", "F Y"), ("sc(?=[eiy])", "S"),
        ("([bdfgklmnprstvz])(?=\\1)", ""), ("cc(?=[eiy])", "K S"), ("cc", "K"),
        ("eer|ear|ier", "IH R"), ("air|are$", "EH R"), ("oor|our|ore$", "AO R"), ("ire$", "AY ER"),
        ("ure$", "Y UH R"), ("ee|ea", "IY"), ("ie$|ey$", "IY"), ("ie", "IY"), ("ai|ay|ei", "EY"),
        ("oa|oe$", "OW"), ("ook", "UH K"), ("oo", "UW"), ("ow$", "OW"), ("ou|ow", "AW"), ("oi|oy", "OY"),
        ("au|aw", "AO"), ("eu|ew|ue|ui", "UW"), ("ar(?![aeiouy])", "AA R"), ("or", "AO R"),
        ("(?:er|ir|ur)(?![aeiouy])", "ER"),
        # a vowel before one consonant and a final e says its name
        ("a(?=[^aeiouywx]e$)", "EY"), ("e(?=[^aeiouywx]e$)", "IY"), ("i(?=[^aeiouywx]e$)", "AY"),
        ("o(?=[^aeiouywx]e$)", "OW"), ("u(?=[^aeiouywx]e$)", "UW"), ("y(?=[^aeiouywx]e$)", "AY"),
        ("(?<=[^aeiou'])e$", ""), ("le$", "AH L"), ("a$", "AH"), ("o(?=s?$)", "OW"), ("i$", "IY"),
        ("(?<=^)y", "Y"), ("y$", "IY"), ("u(?=[^aeiou][aeiou])", "UW"), ("o(?=[^aeiou][aeiou])", "OW"),
        ("a", "AE"), ("e", "EH"), ("i", "IH"), ("o", "AA"), ("u", "AH"), ("y", "IH"),
        ("c(?=[eiy])", "S"), ("c", "K"), ("g(?=[eiy])", "JH"), ("b", "B"), ("d", "D"), ("f", "F"),
        ("g", "G"), ("h(?=[aeiouy])", "HH"), ("h", ""), ("j", "JH"), ("k", "K"), ("l", "L"), ("m", "M"),
        ("n", "N"), ("p", "P"), ("q", "K"), ("r", "R"), ("s", "S"), ("t", "T"), ("v", "V"), ("w", "W"),
        ("x", "K S"), ("z", "Z"), ("'", ""),
    )
)  # fmt: skip


def pronounce(word: str, phones_of: Dictionary) -> str | None:
    """Phones of a lower-case word of a-z and apostrophes, None where it cannot be spoken.

    From the dictionary; else from a known word and its ending (`pleat` + `ed`); else from two known words
    (`sun` + `dress`); else letter by letter name (`xl`) or by rules (`lumora`).
    """
    if not re.fullmatch("[a-z']+", word) or len(word) > _LONGEST_WORD:
        return None
    return (
        phones_of(word)
        or _inflected(word, phones_of)
        or _compound(word, phones_of)
        or _spelled(word, phones_of)
    )


def _inflected(word: str, phones_of: Dictionary) -> str | None:
    if word.endswith(("'s", "s")) and not word.endswith("ss"):
        stem = word.removesuffix("s").removesuffix("'")
        shorter = phones_of(stem[:-1]) if stem.endswith("e") else None
        phones = phones_of(stem) or shorter or _inflected(stem, phones_of) or _compound(stem, phones_of)
        return phones and f"{phones} {_plural(phones.split()[-1])}"
    for ending, sound in (("ed", None), ("ing", "IH NG"), ("er", "ER"), ("ie", "IY"), ("y", "IY")):
        if word.endswith(ending):
            stem = word.removesuffix(ending)
            undoubled = stem[:-1] if stem[-2:-1] == stem[-1:] else None
            bases = (stem + "e", stem) if _SINGLE_CONSONANT.search(stem) else (stem, stem + "e", undoubled)
            for base in filter(None, bases):
                if len(base) >= _SHORTEST_PART and (phones := phones_of(base)):
                    return f"{phones} {sound or _past(phones.split()[-1])}"
    return None


def _plural(last: str) -> str:
    return "IH Z" if last in _SIBILANTS else "S" if last in _VOICELESS else "Z"


def _past(last: str) -> str:
    return "IH D" if last in {"T", "D"} else "T" if last in _VOICELESS | {"S", "SH", "CH"} else "D"


def _compound(word: str, phones_of: Dictionary) -> str | None:
    """Two known words, as equally long as can be."""
    cuts = range(_SHORTEST_PART, len(word) - _SHORTEST_PART + 1)
    for cut in sorted(cuts, key=lambda cut_at: (abs(2 * cut_at - len(word)), cut_at)):
        head, tail = phones_of(word[:cut]), phones_of(word[cut:])
        if head and tail:
            return f"{head} {tail}"
    return None


def _spelled(word: str, phones_of: Dictionary) -> str | None:
    if not re.search("[aeiouy]", word):
        letters = [phones_of(letter) for letter in word.replace("'", "")]
        fine = 0 < len(letters) <= _LONGEST_INITIALS and all(letters)
        return " ".join(filter(None, letters)) if fine else None
    return _by_rules(word) or None


def _by_rules(word: str) -> str:
    phones: list[str] = []
    position = 0
    while position < len(word):
        matched, sound = next(
            (match, sound) for rule, sound in _RULES if (match := rule.match(word, position)) and match.end()
        )
        phones += sound.split()
        position = matched.end()
    return " ".join(phones)


def british(phones: str) -> str:
    """An American pronunciation as it is heard from southern England, in the same set of phones.

    `r` only before a vowel, the vowels of LOT and TRAP further back (Wells, Accents of English, 1982).

    >>> british("K AA T AH N B EH R")
    'K AO T AH N B EH'
    """
    sounds = phones.split()
    british_sounds: list[str] = []
    for before, sound, after in zip(["", *sounds], sounds, [*sounds[1:], ""], strict=False):
        if sound == "R" and before in _VOWELS and after not in _VOWELS:
            british_sounds += ["AH"] if before in {"IH", "UH"} else []
        elif sound == "ER" and not after:
            british_sounds.append("AH")
        elif sound == "AA" and after != "R":
            british_sounds.append("AO")
        else:
            british_sounds.append("AA" if sound == "AE" else sound)
    return " ".join(british_sounds)
