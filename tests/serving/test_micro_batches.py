"""Queries that wait are answered together, each as if it had come alone."""

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

import pytest

from mmsearch_dagster.core.errors import QueryError
from mmsearch_dagster.core.modalities import IMAGE, TEXT
from mmsearch_dagster.core.retrieval.query import Answer, Query
from mmsearch_dagster.serving.engine import Engine
from mmsearch_dagster.serving.micro_batches import MicroBatches
from tests.small_release import HashedWords, MeanColour, make_release, picture

QUERIES = [
    *(Query(text=text) for text in ("red bag", "blue lamp", "green", "scarf", "no such words")),
    Query(image=picture("blue")),
    Query(text="red", image=picture("green")),
]


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    release = make_release(tmp_path_factory.mktemp("release"))
    encoders = {TEXT: HashedWords(), IMAGE: MeanColour()}
    opened = Engine.open(release.manifest, release.index_uri, release.model_dir, encoders)
    opened.warm()
    return opened


@pytest.fixture
def batches() -> Iterator[MicroBatches]:
    running = MicroBatches(workers=1)
    running.start()
    yield running
    running.stop()


class Held:
    """An engine whose first batch waits until it is let go; notes what came together, and for which the
    other cores were free."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.begun, self.go_on = threading.Event(), threading.Event()
        self.together: list[list[str | None]] = []
        self.cores_free: list[bool] = []

    def search_batch(
        self, queries: Sequence[Query], *, k: int, where: str | None = None, cores_free: bool = False
    ) -> list[Answer]:
        self.together.append([query.text for query in queries])
        self.cores_free.append(cores_free)
        self.begun.set()
        self.go_on.wait(30)
        if "poison" in {query.text for query in queries}:
            raise ZeroDivisionError
        return self._engine.search_batch(queries, k=k, where=where)


def held(engine: Engine, batches: MicroBatches) -> tuple[Held, "Future[Answer]"]:
    """The engine, at work on its first query."""
    slow = Held(engine)
    first = batches.search(slow, Query(text="first"), k=3, where=None)
    assert slow.begun.wait(30)
    return slow, first


def test_each_query_is_answered_as_if_it_came_alone(engine: Engine, batches: MicroBatches) -> None:
    answers = [batches.search(engine, query, k=5, where=None) for query in QUERIES]

    for query, answer in zip(QUERIES, answers, strict=True):
        alone = engine.search(query, k=5)
        assert replace(answer.result(60), took_ms=0.0) == replace(alone, took_ms=0.0)
        assert answer.result().took_ms > 0


def test_queries_that_wait_are_answered_together(engine: Engine, batches: MicroBatches) -> None:
    slow, first = held(engine, batches)

    waiting = [batches.search(slow, Query(text=text), k=3, where=None) for text in "abc"]
    other = batches.search(slow, Query(text="d"), k=4, where=None)
    slow.go_on.set()

    assert all(len(answer.result(60).hits) == 3 for answer in (first, *waiting))
    assert len(other.result(60).hits) == 4
    assert slow.together == [["first"], ["a", "b", "c"], ["d"]]


def test_the_other_cores_are_free_for_a_query_that_came_when_nothing_was_searched(
    engine: Engine, batches: MicroBatches
) -> None:
    slow, first = held(engine, batches)
    second = batches.search(slow, Query(text="second"), k=3, where=None)
    slow.go_on.set()
    second.result(60)
    batches.stop()
    batches.start()

    batches.search(slow, Query(text="third"), k=3, where=None).result(60)

    assert first.done()
    assert list(zip(slow.together, slow.cores_free, strict=True)) == [
        (["first"], True),
        (["second"], False),
        (["third"], True),
    ]


def test_an_error_is_that_of_its_query_alone(engine: Engine, batches: MicroBatches) -> None:
    slow, _ = held(engine, batches)

    texts = ("red", "poison", "", "blue")
    good, poison, empty, also_good = (
        batches.search(slow, Query(text=text), k=3, where=None) for text in texts
    )
    slow.go_on.set()

    assert good.result(60).hits
    assert also_good.result(60).hits
    with pytest.raises(ZeroDivisionError):
        poison.result(60)
    with pytest.raises(QueryError, match="query is empty"):
        empty.result(60)


def test_a_wrong_filter_is_an_error_of_the_query(engine: Engine, batches: MicroBatches) -> None:
    with pytest.raises(QueryError):
        batches.search(engine, Query(text="red"), k=3, where="price <").result(60)


def test_a_client_that_went_away_is_not_answered(engine: Engine, batches: MicroBatches) -> None:
    slow, first = held(engine, batches)

    gone = batches.search(slow, Query(text="gone"), k=3, where=None)
    gone.cancel()
    last = batches.search(slow, Query(text="last"), k=3, where=None)
    slow.go_on.set()

    assert last.result(60).hits
    assert first.result(60).hits
    assert slow.together == [["first"], ["last"]]


def test_what_waits_is_answered_before_the_end(engine: Engine) -> None:
    batches = MicroBatches(workers=2)
    batches.start()
    answers = [batches.search(engine, query, k=3, where=None) for query in QUERIES]

    batches.stop()

    assert all(answer.done() for answer in answers)


def test_a_warm_version_answers_payload_from_memory(tmp_path: Path) -> None:
    release = make_release(tmp_path)
    encoders = {TEXT: HashedWords(), IMAGE: MeanColour()}
    cold, warm = (
        Engine.open(release.manifest, release.index_uri, release.model_dir, encoders) for _ in range(2)
    )
    warm.warm()
    ids = ["p00007", "p00003", "no such product"]

    assert warm.payload(ids) == cold.payload(ids)
    assert list(warm.payload(ids)) == ids[:2]
    assert warm.payload([]) == {}
