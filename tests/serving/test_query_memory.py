"""Past queries as keys to what people chose, in a released engine."""

from pathlib import Path

import pytest

from mmsearch_dagster.core.errors import ReleaseMismatchError
from mmsearch_dagster.core.memories.query_memory import QUERY_MEMORY_FILE, QueryMemory, query_key
from mmsearch_dagster.core.modalities import IMAGE, TEXT
from mmsearch_dagster.core.release import QueryMemoryPin
from mmsearch_dagster.core.retrieval.query import Answer, Query
from mmsearch_dagster.core.retrieval.rank_fusion import BY_RANKS, BY_SCORES, QUERY_MEMORY
from mmsearch_dagster.serving.engine import Engine
from mmsearch_dagster.serving.explain import explain
from tests.small_release import HashedWords, MeanColour, SmallRelease, make_release, picture

WORDS = "blue leather bag"
GONE = "sold-out-forever"


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> SmallRelease:
    return make_release(tmp_path_factory.mktemp("past"), text_column=True)


def opened(release: SmallRelease, pin: QueryMemoryPin | None, order: str = BY_SCORES) -> Engine:
    words = {"lexical": 1.0, **({QUERY_MEMORY: 1.0} if pin else {})}
    retrieval = release.manifest.retrieval.model_copy(
        update={"weights": {"words": words}, "orders": {"words": order}}
    )
    manifest = release.manifest.model_copy(update={"query_memory": pin, "retrieval": retrieval})
    return Engine.open(
        manifest, release.index_uri, release.model_dir, {TEXT: HashedWords(), IMAGE: MeanColour()}
    )


def ids(answer: Answer) -> list[str]:
    return [hit.product_id for hit in answer.hits]


@pytest.fixture(scope="module")
def without(release: SmallRelease) -> Engine:
    return opened(release, None)


@pytest.fixture(scope="module")
def chosen(without: Engine) -> str:
    """What people chose, though the engine does not show it first."""
    return ids(without.search(Query(text=WORDS), k=30))[7]


@pytest.fixture(scope="module")
def pin(release: SmallRelease, chosen: str) -> QueryMemoryPin:
    memory = QueryMemory.of({query_key(WORDS): {chosen: 0.9, GONE: 3.0}})
    return QueryMemoryPin(sha256=memory.save(release.model_dir / QUERY_MEMORY_FILE), queries=len(memory.keys))


@pytest.mark.parametrize("order", [BY_SCORES, BY_RANKS])
@pytest.mark.parametrize("text", [WORDS, "bags leather BLUE"])
def test_what_people_chose_after_the_same_words_comes_first(
    release: SmallRelease, pin: QueryMemoryPin, chosen: str, order: str, text: str
) -> None:
    assert ids(opened(release, pin, order).search(Query(text=text), k=5))[0] == chosen


@pytest.mark.parametrize("query", [Query(text="blue bag"), Query(text=WORDS, image=picture("blue"))])
def test_other_queries_are_answered_as_without_it(
    release: SmallRelease, without: Engine, pin: QueryMemoryPin, query: Query
) -> None:
    answer, as_before = opened(release, pin).search(query, k=20), without.search(query, k=20)
    assert answer.hits == as_before.hits


def test_a_product_that_is_gone_or_does_not_pass_the_filter_is_no_answer(
    release: SmallRelease, pin: QueryMemoryPin, chosen: str
) -> None:
    engine = opened(release, pin)
    assert GONE not in ids(engine.search(Query(text=WORDS), k=100))
    assert chosen not in ids(engine.search(Query(text=WORDS), k=100, where=f'product_id != "{chosen}"'))


def test_an_explanation_names_it_and_a_request_can_leave_it_out(
    release: SmallRelease, without: Engine, pin: QueryMemoryPin, chosen: str
) -> None:
    engine = opened(release, pin)
    ranks = {each["branch"]: each["rank"] for each in explain(engine, Query(text=WORDS), chosen)["branches"]}
    assert ranks[QUERY_MEMORY] == 1
    left_out = engine.search(Query(text=WORDS, weights={QUERY_MEMORY: 0.0}), k=20)
    assert ids(left_out) == ids(without.search(Query(text=WORDS), k=20))


def test_another_file_than_the_released_one_is_refused(release: SmallRelease, pin: QueryMemoryPin) -> None:
    file = Path(release.model_dir / QUERY_MEMORY_FILE)
    content = file.read_bytes()
    file.write_bytes(content[:-1])
    with pytest.raises(ReleaseMismatchError, match=r"is not the query memory.*; put the files back"):
        opened(release, pin)
    file.unlink()
    with pytest.raises(ReleaseMismatchError, match="cannot be read"):
        opened(release, pin)
    file.write_bytes(content)
