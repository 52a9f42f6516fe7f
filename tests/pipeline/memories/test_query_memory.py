"""A query memory is tried on what came again, measured without what is asked, released with the whole log."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.catalog.schemas import EVENTS, SEARCHES
from mmsearch_dagster.core.evaluation.judged_queries import JudgedQueries
from mmsearch_dagster.core.labels.log_queries import after_searches
from mmsearch_dagster.core.labels.provenance import CATALOGUE, JUDGED, LOG, Provenance
from mmsearch_dagster.core.memories.query_fit import keyed
from mmsearch_dagster.core.memories.query_memory import QUERY_MEMORY_FILE, QueryMemory
from mmsearch_dagster.core.modalities import TEXT, ModalityBatch
from mmsearch_dagster.core.understanding.understood import FILTER, PRICE, QueryPart, Understood
from mmsearch_dagster.pipeline.memories.query_memory import MEASURED_FILE, PastQueries

BEGIN = datetime(2026, 5, 1, tzinfo=UTC)
BOUND = Understood(
    "cart under 9", "cart", parts=(QueryPart(PRICE, "under 9", "at most 9", FILTER, "price <= 9"),)
)


def queries(texts: Sequence[str], provenance: Provenance, kind: str = "words") -> JudgedQueries:
    ids = tuple(f"{provenance}:{text}" for text in texts)
    batch = ModalityBatch(
        ids, {TEXT: np.ones((len(ids), 2), np.float32)}, {TEXT: np.ones(len(ids), dtype=bool)}
    )
    grades = {key: {"judged": 3} for key in ids}
    return JudgedQueries(batch, tuple(texts), (provenance,) * len(ids), grades, dict.fromkeys(ids, kind))


def past(*clicks: tuple[str, str], train: JudgedQueries, dev: JudgedQueries | None = None) -> PastQueries:
    """clicks: text and product, an hour each."""
    searches = [{col.QUERY_ID: f"q{hour}", col.QUERY_TEXT: text} for hour, (text, _) in enumerate(clicks)]
    events = [
        {
            col.QUERY_ID: f"q{hour}",
            col.PRODUCT_ID: product,
            col.ACTION: "click",
            col.TIMESTAMP: BEGIN + timedelta(hours=hour),
        }
        for hour, (_, product) in enumerate(clicks)
    ]
    rows = after_searches(pl.DataFrame(searches, schema=SEARCHES), pl.DataFrame(events, schema=EVENTS))
    words = {text: text for text, _ in clicks}
    return PastQueries(keyed(rows, words), words, train, dev or queries([], JUDGED))


def test_what_came_again_has_the_votes_of_before_and_the_grades_of_later() -> None:
    clicks = [("red kite", "early"), ("flag", "f"), ("kites red", "late"), ("drum", "d")]
    again = past(*clicks, train=queries(["red kite", "flag", "drum"], LOG)).came_again(
        frozenset({"early", "late"})
    )
    assert again.queries.texts == ("red kite",)
    assert [product for product, _ in again.votes["log:red kite"]] == ["early"]
    assert again.queries.grades == {"log:red kite": {"late": 3}}


def test_products_that_are_gone_neither_vote_nor_answer() -> None:
    clicks = [("red kite", "early"), ("flag", "f"), ("red kite", "late"), ("drum", "d")]
    for catalogue in ({"early"}, {"late"}):
        assert not past(*clicks, train=queries(["red kite"], LOG)).came_again(frozenset(catalogue)).votes


def test_a_shop_without_a_log_has_nothing_to_try() -> None:
    assert not past(train=queries(["red kite"], JUDGED)).came_again(frozenset({"judged"})).votes


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    clicks = [*(("red kite", "early") for _ in range(8)), ("red kite", "late"), ("drum", "late")]
    train, dev = queries(["cart"], JUDGED), queries(["boat"], JUDGED)
    pin = past(*clicks, train=train, dev=dev).write(tmp_path)
    assert pin.queries == 4
    return tmp_path


def votes(folder: Path, file: str, text: str) -> set[str]:
    memory = QueryMemory.from_bytes((folder / file).read_bytes())
    return {product for product, _ in memory.votes_for(text)}


def test_what_is_measured_knows_neither_dev_queries_nor_the_part_of_the_log_that_validates(
    stored: Path,
) -> None:
    assert votes(stored, MEASURED_FILE, "red kite") == {"early"}
    assert votes(stored, MEASURED_FILE, "cart") == {"judged"}
    assert votes(stored, MEASURED_FILE, "drum") == votes(stored, MEASURED_FILE, "boat") == set()


def test_what_is_released_knows_the_whole_log_and_dev_queries(stored: Path) -> None:
    assert votes(stored, QUERY_MEMORY_FILE, "red kite") == {"early", "late"}
    assert votes(stored, QUERY_MEMORY_FILE, "drum") == {"late"}
    assert votes(stored, QUERY_MEMORY_FILE, "boat") == {"judged"}


@pytest.mark.parametrize(
    "train",
    [
        queries(["cart"], CATALOGUE),
        queries(["cart"], JUDGED, kind="words+picture"),
        queries(["cart"], JUDGED, kind="voice"),
        replace(queries(["cart"], JUDGED), understood={"judged:cart": BOUND}),
    ],
)
def test_made_up_queries_photos_voices_and_filters_are_no_keys(train: JudgedQueries, tmp_path: Path) -> None:
    past(train=train).write(tmp_path)
    assert votes(tmp_path, QUERY_MEMORY_FILE, "cart") == set()
