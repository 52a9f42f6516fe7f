"""Words that no dictionary has, and how they sound all the same."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mmsearch_dagster.core.speech.pronunciation import british, pronounce

KNOWN = {
    "pleat": "P L IY T", "strap": "S T R AE P", "stripe": "S T R AY P", "strip": "S T R IH P",
    "hood": "HH UH D", "dress": "D R EH S", "sun": "S AH N",
    "pot": "P AA T", "tea": "T IY", "fox": "F AA K S", "quack": "K W AE K",
    "x": "EH K S", "l": "EH L", "shoe": "SH UW",
}  # fmt: skip
PHONES = set(
    [
        "AA",
        "AE",
        "AH",
        "AO",
        "AW",
        "AY",
        "B",
        "CH",
        "D",
        "DH",
        "EH",
        "ER",
        "EY",
        "F",
        "G",
        "HH",
        "IH",
        "IY",
        "JH",
        "K",
        "L",
        "M",
        "N",
        "NG",
        "OW",
        "OY",
        "P",
        "R",
        "S",
        "SH",
        "T",
        "TH",
        "UH",
        "UW",
        "V",
        "W",
        "Y",
        "Z",
        "ZH",
    ]
)


@pytest.mark.parametrize(
    ("word", "phones"),
    [
        ("dress", "D R EH S"),
        ("pleated", "P L IY T IH D"),
        ("strappy", "S T R AE P IY"),
        ("stripy", "S T R AY P IY"),
        ("striped", "S T R AY P T"),
        ("hoodie", "HH UH D IY"),
        ("hoodies", "HH UH D IY Z"),
        ("quacking", "K W AE K IH NG"),
        ("pots", "P AA T S"),
        ("shoes", "SH UW Z"),
        ("fox's", "F AA K S IH Z"),
        ("sundress", "S AH N D R EH S"),
        ("teapots", "T IY P AA T S"),
        ("xl", "EH K S EH L"),
    ],
)
def test_known_words_their_endings_compounds_and_initials(word: str, phones: str) -> None:
    assert pronounce(word, KNOWN.get) == phones


@pytest.mark.parametrize(
    ("word", "phones"),
    [
        ("nordvik", "N AO R D V IH K"),
        ("chino", "CH IH N OW"),
        ("tritan", "T R IH T AE N"),
        ("fade", "F EY D"),
        ("lighting", "L AY T IH NG"),
        ("knox", "N AA K S"),
    ],
)
def test_a_name_is_read_by_rules(word: str, phones: str) -> None:
    assert pronounce(word, KNOWN.get) == phones


@pytest.mark.parametrize(
    "word", ["", "'", "红色", "maréa", "38", "Red", "red shoes", "bcdfg", "a" * 31, "kg"]
)
def test_what_nobody_can_say_is_left_out(word: str) -> None:
    assert pronounce(word, KNOWN.get) is None


@given(st.from_regex("[a-z']{1,30}", fullmatch=True))
@example("'e")
def test_whatever_is_spoken_is_made_of_phones(word: str) -> None:
    spoken = pronounce(word, KNOWN.get)
    assert spoken is None or set(spoken.split()) <= PHONES
    assert spoken is not None or not re.search("[aeiou]", word)


@pytest.mark.parametrize(
    ("american", "heard"),
    [
        ("B L AE K", "B L AA K"),
        ("D AA T IH D", "D AO T IH D"),
        ("L EH DH ER", "L EH DH AH"),
        ("K AA R D", "K AA D"),
        ("R EH D", "R EH D"),
        ("CH EH R IY", "CH EH R IY"),
        ("B IH R", "B IH AH"),
        ("", ""),
    ],
)
def test_a_british_voice_is_spelled_too(american: str, heard: str) -> None:
    assert british(american) == heard
