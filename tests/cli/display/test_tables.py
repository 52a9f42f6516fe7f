"""What people read of a table on a terminal of 80 columns."""

import io
from datetime import UTC, datetime

import polars as pl
import pytest
from rich.console import Console
from rich.table import Table

from mmsearch_dagster.adapters.registry.release_list import ReleaseRow
from mmsearch_dagster.cli.display import tables
from mmsearch_dagster.core.evaluation.comparison import METRICS
from mmsearch_dagster.core.fusion.config import STRATEGIES
from mmsearch_dagster.core.release import IndexPin, ReleaseManifest, RetrievalParams
from mmsearch_dagster.core.retrieval.query import Answer, AnswerHit
from mmsearch_dagster.serving.lists import Suggestion


def shown(table: Table, width: int = 80) -> list[str]:
    file = io.StringIO()
    Console(file=file, width=width).print(table)
    lines = file.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    return lines


def row(number: int, why: str | None = None) -> ReleaseRow:
    manifest = ReleaseManifest(
        release_id=f"r-{number:012x}",
        catalogue="fashion-of-the-big-shop",
        model_version=number,
        strategy="attention",
        weights_sha256="0",
        encoders=(),
        retrieval=RetrievalParams(),
        snapshots={},
        index=IndexPin(
            table="fashion-of-the-big-shop",
            tag="r",
            version=9,
            rows=1,
            vector_index="none",
            measured_recall=1.0,
        ),
    )
    status = "withdrawn" if why else "challenger"
    return ReleaseRow(manifest, status, "2026-11-22T20:19:36+00:00", why)


@pytest.mark.parametrize("why", [None, "the buyers saw last year's coats first, [red] ones above all"])
def test_the_id_that_a_rollback_needs_is_whole_on_a_small_terminal(why: str | None) -> None:
    text = "\n".join(shown(tables.releases([row(1), row(2, why)])))
    for whole in ("r-000000000001", "r-000000000002", "challenger", "2026-11-22 20:19"):
        assert whole in text
    assert " ".join(why.split()[:4]) in text if why else "withdrawn" not in text
    assert "20:19:36" not in text


def suggestion(rank: int, *, rules: tuple[str, ...] = (), **payload: object) -> Suggestion:
    product = {"title": "Red shirt", "price": 9.5, "currency": "EUR", "in_stock": True, **payload}
    return Suggestion(f"SKU-{rank}", 1 / rank, rank, product, rules)


def test_a_list_marks_what_is_out_of_stock_and_what_has_no_title() -> None:
    hits = [
        suggestion(1),
        suggestion(2, in_stock=False),
        suggestion(3, title=None),
        suggestion(4, price=None),
    ]

    rows = [line for line in shown(tables.suggestions(hits, "taste")) if "SKU" in line]

    assert "Red shirt  " in rows[0]
    assert "Red shirt (out of stock)" in rows[1]
    assert "(no title)" in rows[2]
    assert "None" not in "".join(rows)


def test_a_list_has_a_column_of_rules_where_one_did_something() -> None:
    assert "rules" not in "".join(shown(tables.suggestions([suggestion(1)], "taste")))
    assert "pinned" in "".join(shown(tables.suggestions([suggestion(1, rules=("pinned",))], "taste")))


def test_an_answer_marks_what_is_out_of_stock_and_what_has_no_title() -> None:
    hits = tuple(
        AnswerHit(f"SKU-{rank}", 0.1, rank, payload, {"vector": rank, "lexical": None})
        for rank, payload in enumerate([{"title": "Cup", "in_stock": False}, {"title": None}], start=1)
    )

    text = "\n".join(shown(tables.answer(Answer(hits, "r-1", 1.0, "words"), "cup")))

    assert "(out of" in text
    assert "(no title)" in text


def test_a_pseudonym_is_whole_and_a_time_is_a_day() -> None:
    person = {"user_id": "ab" * 16, "churn": 0.4669, "last_seen": datetime(2026, 10, 10, 9, tzinfo=UTC)}
    text = "\n".join(shown(tables.records([{**person, "events": 8, "monetary": 132.99}], "people")))

    assert "ab" * 16 in text
    assert " 2026-10-10 │" in text


def test_a_column_that_says_nothing_is_left_out() -> None:
    rows = [{"modality": "text", "own_cosine": None, "fused_cosine": 0.5}]

    text = "\n".join(shown(tables.records(rows, "product_modalities")))

    assert text.startswith("modalities of the product")
    assert "┃ modality ┃ fused cosine ┃" in text


def test_a_long_review_fits_a_small_terminal() -> None:
    review = {"review_id": "R-00146", "product_id": "p", "rating": 5.0, "title": "Good", "usefulness": 0.3816}
    lines = shown(tables.reviews([{**review, "text": "wonderful cotton " * 60}], "most_useful"))

    assert "Good: wonderful cotton" in "\n".join(lines)
    assert "…" in "\n".join(lines)
    assert len(lines) < 14


def test_quality_shows_what_is_promised() -> None:
    branches = ["released engine", *(f"{one} + blend" for one in STRATEGIES)]
    frame = pl.DataFrame(
        [
            {"kind": "all", "branch": one, "queries": 20, "low": 0.1, "high": 0.9}
            | dict.fromkeys(METRICS, 0.125)
            for one in branches
        ]
    )
    lines = shown(tables.quality(frame, "all"))
    header = next(line for line in lines if "nDCG@10" in line)
    assert all(name in header for name in ("95% interval", "R@10", "MRR", "MAP"))
    assert "…" not in "".join(lines)
