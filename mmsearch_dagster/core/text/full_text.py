"""The text that full-text search reads: of a product, and of a query."""

import re
from collections.abc import Sequence
from itertools import pairwise

from mmsearch_dagster.core.text.preparation import clean

# Words that no product is found by: a short list on purpose. Longer ones hold single letters, and without
# its `t` a T-shirt is a shirt (nDCG@10 0.940 against 0.951 on 240 judged fashion queries).
ENGLISH_STOP_WORDS = frozenset((
    "a", "an", "and", "are", "as", "at", "be", "but", "by", "for", "from", "if", "in", "into", "is", "it",
    "no", "not", "of", "on", "or", "such", "that", "the", "their", "then", "there", "these", "they", "this",
    "to", "was", "will", "with",
))  # fmt: skip
# Raised when the same product is written otherwise.
FULL_TEXT = "2"
WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
HYPHENATED = re.compile(r"[^\W_]+(?:[-/.&+][^\W_]+)+")
_DIGIT = re.compile(r"\d")
_SIGN = re.compile(r"\W")


def product_full_text(text: str) -> str:
    """A product's text as words with blanks, and each article number once more as one word.

    >>> product_full_text("Nikon DCR-SR42 (black)")
    'nikon dcr sr42 black dcrsr42'
    """
    plain = clean(text).lower()
    return " ".join([*WORD.findall(plain), *article_numbers(plain)])


def query_full_text(text: str) -> str:
    """The same of a query; adjacent words of which one has a digit are tried as one word too.

    >>> query_full_text("nikon dcr sr42"), query_full_text("DCR-SR42")
    ('nikon dcr sr42 dcrsr42', 'dcr sr42 dcrsr42')
    """
    plain = clean(text).lower()
    words = WORD.findall(plain)
    return " ".join([*words, *numbers_as_one_word(plain, words)])


def article_numbers(plain: str) -> list[str]:
    """Each `letters-and-digits` of a lower-case text, written as one word.

    >>> article_numbers("wh-1000xm4 over-ear")
    ['wh1000xm4']
    """
    compounds = (_SIGN.sub("", match) for match in HYPHENATED.findall(plain))
    return [word for word in compounds if _DIGIT.search(word)]


def numbers_as_one_word(plain: str, words: Sequence[str]) -> list[str]:
    """What a query's words may be written as: its article numbers, and pairs of words with a digit.

    Args:
        plain: the query in lower case.
        words: its words in order.
    """
    pairs = (first + second for first, second in pairwise(words) if _DIGIT.search(first + second))
    return [word for word in dict.fromkeys((*article_numbers(plain), *pairs)) if word not in words]
