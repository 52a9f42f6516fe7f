"""The filter language of a search, and its safe translation into the index's SQL.

    price < 50 and category ~ "Clothing > Shoes" and in_stock and brand in ("Aero", "Bolt")

Comparisons `= == != < <= > >=`, `in (...)`, `not in (...)`, `is null`, `is not null`, `and`, `or`,
`not`, parentheses, a yes/no column alone, and `~`: this category wherever it stands in the path, with
anything below it, in any case; whole levels, so "Shoes" and "Shoes > Sneakers" but not "Shoe".
`attributes.color` is an attribute of the catalogue: `=`, `!=`, `in`, `not in`.
Nothing of the input reaches the SQL unparsed: columns come from a list, literals are written again.
"""

import math
import re
import unicodedata
from collections.abc import Callable

from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.errors import QueryError
from mmsearch_dagster.core.retrieval.filters.conditions import (
    FilterComparison,
    FilterCondition,
    FilterGroup,
    FilterNegation,
    attribute_sql,
    category_sql,
    quoted,
)
from mmsearch_dagster.core.retrieval.filters.tokens import FilterToken, tokens
from mmsearch_dagster.core.suggest import did_you_mean

_TEXT = "text"
_NUMBER = "number"
_YES_NO = "yes/no"

FILTER_COLUMNS = {
    col.PRODUCT_ID: _TEXT,
    col.TITLE: _TEXT,
    col.CATEGORY: _TEXT,
    col.BRAND: _TEXT,
    col.CURRENCY: _TEXT,
    col.LANG: _TEXT,
    col.PRICE: _NUMBER,
    col.IN_STOCK: _YES_NO,
}
MAX_LENGTH = 2_000
_MAX_DEPTH = 40
_OPERATORS = {
    _TEXT: ("=", "!=", "~"),
    _NUMBER: ("=", "!=", "<", "<=", ">", ">="),
    _YES_NO: ("=", "!="),
}
_ESCAPED = re.compile(r"""\\(.)|""|''""", re.DOTALL)
_EXAMPLE = 'an example: price < 50 and category ~ "Shoes" and in_stock'


def to_where(text: str | None) -> str | None:
    """The SQL condition of a filter, or None for an empty one. Raises QueryError like `parse_filter`."""
    condition = parse_filter(text)
    return condition and condition.sql


def parse_filter(text: str | None) -> FilterCondition | None:
    """What a filter says, or None for an empty one.

    Raises:
        QueryError: names the character where the text is wrong and, for an unknown column, the nearest
            known one.
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
        self._tokens = tokens(text)
        self._next = 0
        self._depth = 0

    def parse(self) -> FilterCondition:
        condition = self._either()
        if self._peek().kind != "end":
            raise self._wrong("'and', 'or' or the end")
        return condition

    def _peek(self) -> FilterToken:
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

    def _since(self, start: int) -> str:
        """The filter's text from the token `start` to the last token that was read."""
        return self._text[self._tokens[start].at : self._tokens[self._next - 1].end]

    def _wrong(self, wanted: str, hint: str = _EXAMPLE) -> QueryError:
        token = self._peek()
        actual = f"'{token.value}'" if token.kind != "end" else "the end"
        hint = _meant(self._tokens[max(self._next - 1, 0)], token) or hint
        return QueryError(f"filter: expected {wanted} at character {token.at + 1}, found {actual}; {hint}")

    def _either(self) -> FilterCondition:
        return self._group("or", self._both)

    def _both(self) -> FilterCondition:
        return self._group("and", self._factor)

    def _group(self, word: str, part: Callable[[], FilterCondition]) -> FilterCondition:
        start, parts = self._next, [part()]
        while self._accept(word):
            parts.append(part())
        return parts[0] if len(parts) == 1 else FilterGroup(self._since(start), word.upper(), tuple(parts))

    def _factor(self) -> FilterCondition:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise QueryError(f"filter: more than {_MAX_DEPTH} levels of 'not' and parentheses")
        start = self._next
        if self._accept("not"):
            part = self._factor()
            condition: FilterCondition = FilterNegation(self._since(start), part)
        elif self._accept("("):
            condition = self._either()
            self._expect(")")
        else:
            condition = self._comparison()
        self._depth -= 1
        return condition

    def _comparison(self) -> FilterComparison:
        start, column = self._next, self._column()
        if column == col.ATTRIBUTES:
            return self._attribute(start)
        kind = FILTER_COLUMNS[column]
        sign = self._sign()
        if sign in ("is null", "is not null"):
            sql, values = f"({column} {sign.upper()})", ()
        elif sign in ("in", "not in"):
            literals, values = self._list(kind)
            sql = f"({column} {sign.upper()} ({', '.join(literals)}))"
        elif not sign:
            sign, sql, values = "=", self._alone(column, kind), ()
        else:
            sql, values = self._compared(column, kind, sign)
        return FilterComparison(self._since(start), sql, column, None, sign, values)

    def _attribute(self, start: int) -> FilterComparison:
        if not self._accept("."):
            raise self._wrong("'.'", 'an example: attributes.color = "red"')
        name = self._peek()
        if name.kind not in ("word", "keyword", "text"):
            raise self._wrong("the name of an attribute")
        self._next += 1
        key = self._unquoted(name) if name.kind == "text" else self._text[name.at : name.end]
        sign = self._sign()
        if sign in ("=", "!="):
            values = (self._text_value(),)
        elif sign in ("in", "not in"):
            values = self._list(_TEXT)[1]
        else:
            raise QueryError(
                f"filter: '{sign or 'nothing'}' does not fit the attribute '{key}'; use =, !=, in, not in"
            )
        sql = attribute_sql(key, values, negated=sign in ("!=", "not in"))
        return FilterComparison(self._since(start), sql, col.ATTRIBUTES, key, sign, values)

    def _sign(self) -> str:
        """The operator that stands here, in one spelling; empty where there is none."""
        if self._accept("is"):
            negation = "not " if self._accept("not") else ""
            self._expect("null")
            return f"is {negation}null"
        if self._accept("not"):
            self._expect("in")
            return "not in"
        sign = self._accept("in", "=", "==", "!=", "<>", "<", "<=", ">", ">=", "~") or ""
        return {"==": "=", "<>": "!="}.get(sign, sign)

    def _alone(self, column: str, kind: str) -> str:
        if kind != _YES_NO:
            raise self._wrong(f"one of {', '.join(_OPERATORS[kind])}, in, is after '{column}'")
        return f"({column} = true)"

    def _compared(self, column: str, kind: str, sign: str) -> tuple[str, tuple[str, ...]]:
        if sign not in _OPERATORS[kind] or (sign == "~" and column != col.CATEGORY):
            raise QueryError(
                f"filter: '{sign}' does not fit the {kind} column '{column}'; "
                f"use one of {', '.join(s for s in _OPERATORS[kind] if s != '~')}, in, is null"
                + (f", or ~ on '{col.CATEGORY}'" if sign == "~" else "")
            )
        if sign == "~":
            category = self._text_value().strip()
            return category_sql(category), (category,)
        literal, value = self._literal(kind)
        return f"({column} {sign} {literal})", value

    def _column(self) -> str:
        token = self._peek()
        if token.kind != "word":
            raise self._wrong("a column")
        self._next += 1
        name = token.value.lower()
        if name not in FILTER_COLUMNS and name != col.ATTRIBUTES:
            hint = did_you_mean(token.value, FILTER_COLUMNS)
            raise QueryError(
                f"filter: there is no column '{token.value}' to filter by: {hint}; an attribute "
                f"of the catalogue is written {col.ATTRIBUTES}.{token.value}"
            )
        return name

    def _list(self, kind: str) -> tuple[list[str], tuple[str, ...]]:
        """The literals of a list in parentheses, and its texts."""
        self._expect("(")
        pairs = [self._literal(kind)]
        while self._accept(","):
            pairs.append(self._literal(kind))
        self._expect(")")
        return [literal for literal, _ in pairs], tuple(value for _, values in pairs for value in values)

    def _literal(self, kind: str) -> tuple[str, tuple[str, ...]]:
        """A literal as SQL; and the text that it is, if it is one."""
        if kind == _TEXT:
            text = self._text_value()
            return quoted(text), (text,)
        if kind == _YES_NO:
            value = self._accept("true", "false")
            if value is None:
                raise self._wrong("true or false")
            return value, ()
        token = self._peek()
        if token.kind != "number" or not math.isfinite(float(token.value)):
            raise self._wrong("a number", "a number stands without quotes: price < 50")
        self._next += 1
        return repr(float(token.value)), ()

    def _text_value(self) -> str:
        token = self._peek()
        if token.kind != "text":
            bare = token.value if token.kind in ("word", "keyword", "number") else "red"
            raise self._wrong(
                'a "text" in quotes', f"write \"{bare}\", and in a shell the filter in 'quotes'"
            )
        self._next += 1
        return self._unquoted(token)

    def _unquoted(self, token: FilterToken) -> str:
        """What stands between the quotes, composed (NFC) as the catalogue is stored."""
        quote = token.value[0]
        text = _ESCAPED.sub(
            lambda m: m.group(1) or (quote if m.group()[0] == quote else m.group()), token.value[1:-1]
        )
        return unicodedata.normalize("NFC", text)


def _meant(before: FilterToken, token: FilterToken) -> str:
    """What was probably meant with a token that does not fit, else empty. before: the token before it."""
    if token.value.lower() == "between":
        return f"write {before.value} >= 10 and {before.value} <= 20"
    if token.value.lower() in ("like", "contains"):
        return "a part of a text cannot be asked for here: put its words into the query"
    if token.value == ",":
        return "a number has a decimal point, as in 30.50, and conditions are joined by 'and' or 'or'"
    return ""
