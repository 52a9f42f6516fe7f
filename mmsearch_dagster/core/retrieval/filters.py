"""The filter language of a search, and its safe translation into the index's SQL.

    price < 50 and category ~ "Clothing > Shoes" and in_stock and brand in ("Aero", "Bolt")

Comparisons `= == != < <= > >=`, `in (...)`, `not in (...)`, `is null`, `is not null`, `and`, `or`,
`not`, parentheses, a yes/no column alone, and `~`: this category wherever it stands in the path, with
anything below it, in any case; whole levels, so "Shoes" and "Shoes > Sneakers" but not "Shoe".
Nothing of the input reaches the SQL unparsed: columns come from a list, literals are written again.
"""

import math
import re
from dataclasses import dataclass

from mmsearch_dagster.core.catalog import columns
from mmsearch_dagster.core.errors import QueryError
from mmsearch_dagster.core.suggest import did_you_mean

_TEXT = "text"
_NUMBER = "number"
_YES_NO = "yes/no"

FILTER_COLUMNS = {
    columns.PRODUCT_ID: _TEXT,
    columns.TITLE: _TEXT,
    columns.CATEGORY: _TEXT,
    columns.BRAND: _TEXT,
    columns.CURRENCY: _TEXT,
    columns.LANG: _TEXT,
    columns.PRICE: _NUMBER,
    columns.IN_STOCK: _YES_NO,
}
MAX_LENGTH = 2_000
_MAX_DEPTH = 40
_KEYWORDS = {"and", "or", "not", "in", "is", "null", "true", "false"}
_OPERATORS = {
    _TEXT: ("=", "!=", "~"),
    _NUMBER: ("=", "!=", "<", "<=", ">", ">="),
    _YES_NO: ("=", "!="),
}
_TOKEN = re.compile(
    r"""\s*(?:
        (?P<number>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)(?![\w.])
      | (?P<text>"(?:[^"\\]|\\.|"")*"|'(?:[^'\\]|\\.|'')*')
      | (?P<sign><=|>=|!=|<>|==|[=<>~(),])
      | (?P<word>[^\W\d]\w*)
    )""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPED = re.compile(r"""\\(.)|""|''""", re.DOTALL)


@dataclass(frozen=True)
class _Token:
    kind: str
    value: str
    at: int


def to_where(text: str | None) -> str | None:
    """The SQL condition of a filter, or None for an empty one.

    Raises QueryError that names the place and, for an unknown column, the nearest known one.
    """
    if text is None or not text.strip():
        return None
    if len(text) > MAX_LENGTH:
        raise QueryError(f"the filter is longer than {MAX_LENGTH} characters: shorten it")
    return _Parser(text.encode("utf-8", "replace").decode("utf-8")).parse()


class _Parser:
    """Recursive descent: or, and, not, then one comparison."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = _tokens(text)
        self._next = 0
        self._depth = 0

    def parse(self) -> str:
        where = self._either()
        if self._peek().kind != "end":
            raise self._wrong("'and', 'or' or the end")
        return where

    def _peek(self) -> _Token:
        return self._tokens[self._next]

    def _accept(self, *values: str) -> str | None:
        token = self._peek()
        if token.kind in ("sign", "keyword") and token.value in values:
            self._next += 1
            return token.value
        return None

    def _expect(self, value: str) -> None:
        if self._accept(value) is None:
            raise self._wrong(f"'{value}'")

    def _wrong(self, wanted: str) -> QueryError:
        token = self._peek()
        actual = f"'{token.value}'" if token.kind != "end" else "the end"
        return QueryError(
            f"filter: expected {wanted} at character {token.at + 1}, found {actual}; "
            'an example: price < 50 and category ~ "Shoes" and in_stock'
        )

    def _either(self) -> str:
        parts = [self._both()]
        while self._accept("or"):
            parts.append(self._both())
        return parts[0] if len(parts) == 1 else "(" + " OR ".join(parts) + ")"

    def _both(self) -> str:
        parts = [self._factor()]
        while self._accept("and"):
            parts.append(self._factor())
        return parts[0] if len(parts) == 1 else "(" + " AND ".join(parts) + ")"

    def _factor(self) -> str:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise QueryError(f"filter: more than {_MAX_DEPTH} levels of 'not' and parentheses")
        if self._accept("not"):
            where = f"(NOT {self._factor()})"
        elif self._accept("("):
            where = self._either()
            self._expect(")")
        else:
            where = self._comparison()
        self._depth -= 1
        return where

    def _comparison(self) -> str:
        column = self._column()
        kind = FILTER_COLUMNS[column]
        if self._accept("is"):
            negation = "NOT " if self._accept("not") else ""
            self._expect("null")
            return f"({column} IS {negation}NULL)"
        if self._accept("in"):
            return f"({column} IN {self._list(kind)})"
        if self._accept("not"):
            self._expect("in")
            return f"({column} NOT IN {self._list(kind)})"
        sign = self._accept("=", "==", "!=", "<>", "<", "<=", ">", ">=", "~")
        if sign is None:
            return self._alone(column, kind)
        return self._compared(column, kind, {"==": "=", "<>": "!="}.get(sign, sign))

    def _alone(self, column: str, kind: str) -> str:
        if kind != _YES_NO:
            raise self._wrong(f"one of {', '.join(_OPERATORS[kind])}, in, is after '{column}'")
        return f"({column} = true)"

    def _compared(self, column: str, kind: str, sign: str) -> str:
        if sign not in _OPERATORS[kind] or (sign == "~" and column != columns.CATEGORY):
            raise QueryError(
                f"filter: '{sign}' does not fit the {kind} column '{column}'; "
                f"use one of {', '.join(s for s in _OPERATORS[kind] if s != '~')}, in, is null"
                + (f", or ~ on '{columns.CATEGORY}'" if sign == "~" else "")
            )
        if sign == "~":
            return _along(self._text_value().strip())
        return f"({column} {sign} {self._literal(kind)})"

    def _column(self) -> str:
        token = self._peek()
        if token.kind != "word":
            raise self._wrong("a column")
        self._next += 1
        if token.value.lower() not in FILTER_COLUMNS:
            hint = did_you_mean(token.value, FILTER_COLUMNS)
            raise QueryError(f"filter: there is no column '{token.value}' to filter by: {hint}")
        return token.value.lower()

    def _list(self, kind: str) -> str:
        self._expect("(")
        values = [self._literal(kind)]
        while self._accept(","):
            values.append(self._literal(kind))
        self._expect(")")
        return "(" + ", ".join(values) + ")"

    def _literal(self, kind: str) -> str:
        if kind == _TEXT:
            return _quoted(self._text_value())
        if kind == _YES_NO:
            value = self._accept("true", "false")
            if value is None:
                raise self._wrong("true or false")
            return value
        token = self._peek()
        if token.kind != "number" or not math.isfinite(float(token.value)):
            raise self._wrong("a number")
        self._next += 1
        return repr(float(token.value))

    def _text_value(self) -> str:
        token = self._peek()
        if token.kind != "text":
            raise self._wrong('a "text" in quotes')
        self._next += 1
        quote = token.value[0]
        return _ESCAPED.sub(
            lambda m: m.group(1) or (quote if m.group()[0] == quote else m.group()), token.value[1:-1]
        )


def _tokens(text: str) -> list[_Token]:
    tokens, at = [], 0
    text = text.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            rest = text[at:].lstrip()
            what = "a quote that is never closed" if rest[0] in "\"'" else f"'{rest[:12]}'"
            raise QueryError(f"filter: cannot read {what} at character {len(text) - len(rest) + 1}")
        kind, value = match.lastgroup, match.group(match.lastgroup)
        if kind == "word" and value.lower() in _KEYWORDS:
            kind, value = "keyword", value.lower()
        tokens.append(_Token(kind, value, match.start(match.lastgroup)))
        at = match.end()
    return [*tokens, _Token("end", "", len(text))]


def _quoted(value: str) -> str:
    """A SQL string literal: only the single quote is special in it."""
    return "'" + value.replace("'", "''") + "'"


def _along(category: str) -> str:
    """Whether these levels stand one after the other in a path; a level ends where a separator stands.

    `contains` knows no wildcard, so nothing in the name needs an escape. `||` keeps a missing path missing.
    """
    edge = columns.CATEGORY_SEPARATOR
    path = f"{_quoted(edge)} || lower({columns.CATEGORY}) || {_quoted(edge)}"
    return f"(contains({path}, lower({_quoted(edge + category + edge)})))"
