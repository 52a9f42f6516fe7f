"""Synonyms: a file that people review, and the shop-independent ways to write a word."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from mmsearch_dagster.core.config_file import parse_reviewed
from mmsearch_dagster.core.text.preparation import fold
from mmsearch_dagster.core.understanding.values import stemmed

SYNONYMS_FILE = "synonyms.yaml"
# The same word, whatever a shop sells.
_SPELLINGS = (
    ("t-shirt", "tee shirt", "tshirt"),
    ("grey", "gray"),
    ("colour", "color"),
    ("jewellery", "jewelry"),
    ("pyjamas", "pajamas"),
    ("aluminium", "aluminum"),
    ("earphones", "ear phones"),
    # What a thing is made of, as an adjective.
    ("wood", "wooden"),
    ("wool", "woollen", "woolen"),
    ("silk", "silken"),
)
_MOST_WORDS = 4
# The same short phrases are looked up several times in a query, and in many queries.
_KEYS_KEPT = 65_536
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_HAN = re.compile("[\u3400-\u9fff]")


class OneWay(BaseModel):
    """Who types `typed` also searches `means`, and not the other way round."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    typed: str = Field(min_length=1)
    means: tuple[str, ...] = Field(min_length=1, strict=False)
    why: str = ""


class SynonymRules(BaseModel):
    """synonyms.yaml as read; an unknown key is an error.

    two_way: groups of words and phrases of one meaning. one_way: from the narrower, rarer or foreign word to
    the shop's own.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    two_way: tuple[Annotated[tuple[str, ...], Field(strict=False, min_length=2)], ...] = Field(
        default=(), strict=False
    )
    one_way: tuple[OneWay, ...] = Field(default=(), strict=False)


@dataclass(frozen=True)
class Synonyms:
    """Stemmed phrase -> other phrases that are searched too."""

    others: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(cls, rules: SynonymRules) -> "Synonyms":
        """What a shop has reviewed."""
        others = _of_groups(rules.two_way)
        for rule in rules.one_way:
            others.setdefault(_key(rule.typed), []).extend(rule.means)
        return cls({key: tuple(dict.fromkeys(phrases)) for key, phrases in others.items()})

    @classmethod
    def spelled_otherwise(cls) -> "Synonyms":
        """The ways to write one word that no shop has to list."""
        return cls({key: tuple(phrases) for key, phrases in _of_groups(_SPELLINGS).items()})

    def in_text(self, text: str) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Each phrase of a query that has synonyms, longest first at each place; and its synonyms."""
        words = list(_WORD.finditer(text))
        at = 0
        while at < len(words):
            phrases = {
                n: text[words[at].start() : words[at + n - 1].end()]
                for n in range(min(_MOST_WORDS, len(words) - at), 0, -1)
            }
            length = next((n for n, phrase in phrases.items() if _key(phrase) in self.others), 0)
            if length:
                yield phrases[length], self.others[_key(phrases[length])]
            at += max(length, 1)
        if _HAN.search(text):
            yield from ((key, self.others[key]) for key in self.others if _HAN.search(key) and key in text)


def _of_groups(groups: Iterable[tuple[str, ...]]) -> dict[str, list[str]]:
    """Key of each phrase -> the other phrases of its groups."""
    others: dict[str, list[str]] = {}
    for group in groups:
        for phrase in group:
            others.setdefault(_key(phrase), []).extend(o for o in group if _key(o) != _key(phrase))
    return others


def parse_synonyms(text: str, where: str) -> SynonymRules:
    """The rules in a YAML text; `where` names it in messages.

    Raises:
        ConfigError: for YAML that cannot be read, an unknown key, a value of the wrong type.
    """
    return parse_reviewed(SynonymRules, text, where, what="synonyms")


@lru_cache(_KEYS_KEPT)
def _key(phrase: str) -> str:
    return fold(phrase) if _HAN.search(phrase) else stemmed(phrase)
