"""TREC files: qrels (`query_id 0 product_id grade`) and runs (`query_id Q0 product_id rank score tag`).

Fields are separated by blanks, so white space, control characters and `%` inside an id are percent-encoded
as UTF-8 and decoded on reading; every other character stays as it is. trec_eval ignores the rank and sorts
by a single-precision score, so scores are written strictly falling in float32: what it reads is the order
that was given, ties included.
"""

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import unquote

import numpy as np

from mmsearch_dagster.core.errors import SourceError

_UNSAFE = re.compile(r"[\s%\x00-\x1f\x7f-\x9f\ufeff]")
_LOWEST = np.float32(-np.inf)
# Half of what float32 holds, so there is room to fall below it.
_LIMIT = 1.5e38

Ranking = Sequence[tuple[str, float]]


@dataclass(frozen=True)
class RunLine:
    """One answer of a run; `rank` counts from 1."""

    query_id: str
    product_id: str
    rank: int
    score: float
    tag: str


def encode_id(name: str) -> str:
    """An id as one blank-free field. Raises SourceError for an empty one.

    >>> encode_id("red shoes 100%")
    'red%20shoes%20100%25'
    """
    if not name:
        raise SourceError("a TREC file cannot hold an empty id: give the query or product one")
    return _UNSAFE.sub(lambda hit: "".join(f"%{byte:02X}" for byte in hit[0].encode("utf-8")), name)


def decode_id(field: str) -> str:
    """The id that `encode_id` wrote."""
    return unquote(field, encoding="utf-8", errors="replace")


def _falling(scores: Iterable[float], query: str) -> Iterator[np.float32]:
    previous = np.float32(np.inf)
    for score in scores:
        if not math.isfinite(score):
            raise SourceError(f"query '{query}' has a score of {score}; a run file needs finite scores")
        single = np.float32(min(max(score, -_LIMIT), _LIMIT))
        previous = single if single < previous else np.nextafter(previous, _LOWEST)
        yield previous


def run_lines(query_id: str, ranking: Ranking, tag: str) -> Iterator[str]:
    """Lines of one query's answer, ending in a newline; `ranking` is (product id, score), best first.

    >>> print("".join(run_lines("q 1", [("a", 2.0), ("b", 1.5)], "r-1")), end="")
    q%201 Q0 a 1 2.0 r-1
    q%201 Q0 b 2 1.5 r-1
    """
    query, name = encode_id(query_id), encode_id(tag)
    scores = _falling((score for _, score in ranking), query_id)
    for rank, ((product, _), score) in enumerate(zip(ranking, scores, strict=True), start=1):
        # The shortest decimal that reads back as this float32.
        yield f"{query} Q0 {encode_id(product)} {rank} {score!s} {name}\n"


def write_run(answers: Mapping[str, Ranking], tag: str) -> str:
    """A whole run file: query id -> (product id, score), best first. Queries in their given order."""
    return "".join(line for query, ranking in answers.items() for line in run_lines(query, ranking, tag))


def write_qrels(judged: Mapping[str, Mapping[str, int]]) -> str:
    """A whole qrels file: query id -> product id -> grade."""
    return "".join(
        f"{encode_id(query)} 0 {encode_id(product)} {int(grade)}\n"
        for query, grades in judged.items()
        for product, grade in grades.items()
    )


def _fields(text: str, where: str, width: int) -> Iterator[tuple[int, list[str]]]:
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), start=1):
        fields = line.split()
        if fields and len(fields) != width:
            raise SourceError(f"{where}, line {number}: {len(fields)} fields, a TREC line has {width}")
        if fields:
            yield number, fields


def read_run(text: str, where: str) -> list[RunLine]:
    """Every line of a run file; `where` names it in messages. Raises SourceError for a malformed line."""
    lines = []
    for number, (query, _, product, rank, score, tag) in _fields(text, where, 6):
        try:
            line = RunLine(decode_id(query), decode_id(product), int(rank), float(score), decode_id(tag))
        except ValueError as error:
            raise SourceError(f"{where}, line {number}: rank and score must be numbers: {error}") from error
        lines.append(line)
    return lines


def rankings(lines: Iterable[RunLine]) -> dict[str, list[str]]:
    """Query id -> product ids by falling score, as trec_eval reads a run; equal scores keep their order."""
    grouped: dict[str, list[RunLine]] = {}
    for line in lines:
        grouped.setdefault(line.query_id, []).append(line)
    return {
        query: [line.product_id for line in sorted(answers, key=lambda line: -line.score)]
        for query, answers in grouped.items()
    }


def read_qrels(text: str, where: str) -> dict[str, dict[str, int]]:
    """Query id -> product id -> grade; `where` names the file in messages.

    Raises SourceError for a malformed line.
    """
    judged: dict[str, dict[str, int]] = {}
    for number, (query, _, product, grade) in _fields(text, where, 4):
        try:
            judged.setdefault(decode_id(query), {})[decode_id(product)] = int(grade)
        except ValueError as error:
            raise SourceError(f"{where}, line {number}: the grade must be a whole number: {error}") from error
    return judged
