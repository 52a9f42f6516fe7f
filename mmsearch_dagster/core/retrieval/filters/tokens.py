"""A filter's text cut into tokens."""

import re
import unicodedata
from dataclasses import dataclass

from mmsearch_dagster.core.errors import QueryError

KEYWORDS = {"and", "or", "not", "in", "is", "null", "true", "false"}
# Signs and digits of a Chinese or Japanese keyboard, outside of quotes the same as the plain ones.
_WIDE = "（），．＜＝＞～！＋－０１２３４５６７８９"
_FULL_WIDTH = {ord(wide): unicodedata.normalize("NFKC", wide) for wide in _WIDE}
_CURLY_QUOTES = "“”„‟‘’‚«»「」『』＂＇`´"
_TOKEN = re.compile(
    r"""\s*(?:
        (?P<number>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)(?![\w.])
      | (?P<text>"(?:[^"\\]|\\.|"")*"|'(?:[^'\\]|\\.|'')*')
      | (?P<sign><=|>=|!=|<>|==|[=<>~(),.])
      | (?P<word>[^\W\d]\w*)
    )""",
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True)
class FilterToken:
    """kind: number, text (with its quotes), sign, word, keyword or end. at: its first character, from 0."""

    kind: str
    value: str
    at: int

    @property
    def end(self) -> int:
        """The first character after it."""
        return self.at + len(self.value)


def tokens(text: str) -> list[FilterToken]:
    """The tokens of a filter, the last one of kind `end`. Raises QueryError for what is no token."""
    found: list[FilterToken] = []
    at, text = 0, text.rstrip()
    plain = text.translate(_FULL_WIDTH)
    while at < len(text):
        match = _TOKEN.match(plain, at)
        if match is None or match.lastgroup is None:
            raise _unreadable(text, at)
        kind, (start, at) = match.lastgroup, match.span(match.lastgroup)
        value = text[start:at] if kind == "text" else plain[start:at]
        if kind == "word" and value.lower() in KEYWORDS:
            kind, value = "keyword", value.lower()
        found.append(FilterToken(kind, value, start))
    return [*found, FilterToken("end", "", len(text))]


def _unreadable(text: str, at: int) -> QueryError:
    rest = text[at:].lstrip()
    what = "a quote that is never closed" if rest[0] in "\"'" else f"'{rest[:12]}'"
    hint = _hint(rest)
    return QueryError(
        f"filter: cannot read {what} at character {len(text) - len(rest) + 1}" + (hint and f": {hint}")
    )


def _hint(rest: str) -> str:
    if rest[0] in _CURLY_QUOTES:
        return "a text stands in straight quotes, \"like this\" or 'like this'"
    if rest[0] in "&|;；、":
        return "conditions are joined by 'and' or 'or'"
    return "a text stands in quotes, a number alone" if rest[0].isdecimal() else ""
