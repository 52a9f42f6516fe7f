import doctest

import ir_measures
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ir_measures import RR

from mmsearch_dagster.core.errors import SourceError
from mmsearch_dagster.core.metrics import trec
from mmsearch_dagster.core.metrics.trec import rankings, read_qrels, read_run, write_qrels, write_run

IDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
SCORES = st.floats(allow_nan=False, allow_infinity=False)


def test_the_worked_examples_of_the_docstrings_hold() -> None:
    assert doctest.testmod(trec) == (0, 2)


@given(st.dictionaries(IDS, st.lists(st.tuples(IDS, SCORES), unique_by=lambda row: row[0], min_size=1)), IDS)
def test_a_run_reads_back_in_its_order(answers: dict[str, list[tuple[str, float]]], tag: str) -> None:
    ordered = {query: sorted(rows, key=lambda row: -row[1]) for query, rows in answers.items()}
    lines = read_run(write_run(ordered, tag), "run.trec")
    assert rankings(lines) == {query: [product for product, _ in rows] for query, rows in ordered.items()}
    assert {line.tag for line in lines} <= {tag}
    assert [line.rank for line in lines] == [
        rank for rows in ordered.values() for rank in range(1, len(rows) + 1)
    ]


@given(st.dictionaries(IDS, st.dictionaries(IDS, st.integers(-1, 3), min_size=1)))
def test_qrels_read_back(judged: dict[str, dict[str, int]]) -> None:
    assert read_qrels(write_qrels(judged), "qrels.trec") == judged


def test_another_tool_reads_ties_in_the_given_order() -> None:
    run = write_run({"q": [("z", 1.0), ("a", 1.0), ("m", 0.99999999999)]}, "r-1")
    for position, product in enumerate(["z", "a", "m"], start=1):
        qrels = list(ir_measures.read_trec_qrels(write_qrels({"q": {product: 1}})))
        found = ir_measures.calc_aggregate([RR], qrels, list(ir_measures.read_trec_run(run)))
        assert found[RR] == pytest.approx(1 / position)


def test_a_plain_id_and_score_stay_readable() -> None:
    assert write_run({"红鞋": [("sku-7", 0.25)]}, "r-0a") == "红鞋 Q0 sku-7 1 0.25 r-0a\n"


def test_blank_lines_windows_ends_and_a_byte_order_mark_are_read() -> None:
    assert read_qrels("\ufeffq 0 a 2\r\n\r\nq 0 b 0\r\n", "q.txt") == {"q": {"a": 2, "b": 0}}


def test_what_cannot_be_written_is_refused() -> None:
    with pytest.raises(SourceError, match="empty id"):
        write_run({"": [("a", 1.0)]}, "r")
    with pytest.raises(SourceError, match="query 'q' has a score of nan"):
        write_run({"q": [("a", float("nan"))]}, "r")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("q Q0 a 1 0.5", "run.trec, line 2: 5 fields, a TREC line has 6"),
        ("q Q0 a one 0.5 r", "run.trec, line 2: rank and score must be numbers"),
    ],
)
def test_a_malformed_line_is_named(line: str, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        read_run(f"q Q0 a 1 0.5 r\n{line}\n", "run.trec")


def test_a_grade_that_is_no_number_is_named() -> None:
    with pytest.raises(SourceError, match="qrels, line 1: the grade must be a whole number"):
        read_qrels("q 0 a high", "qrels")
