"""What the evaluation measures is what the engine serves, for every kind of query."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mmsearch_dagster.core.evaluation.comparison import DEPTH
from mmsearch_dagster.core.evaluation.judged_queries import JudgedQueries, Rankings, blend, rankings_of
from mmsearch_dagster.core.fusion.model import load_model
from mmsearch_dagster.core.memories.query_memory import QUERY_MEMORY_FILE, QueryMemory, query_key
from mmsearch_dagster.core.modalities import IMAGE, TEXT, ModalityBatch, assemble
from mmsearch_dagster.core.ranking.tune_blend import FULL_TEXT_ALONE, choose_blend
from mmsearch_dagster.core.release import QueryMemoryPin, RetrievalParams
from mmsearch_dagster.core.retrieval.query import Query
from mmsearch_dagster.core.retrieval.rank_fusion import (
    BY_RANKS,
    BY_SCORES,
    LEXICAL_RETRIEVER,
    QUERY_MEMORY,
    VECTOR_RETRIEVER,
    modality_column,
)
from mmsearch_dagster.core.speech.transcript import Transcript
from mmsearch_dagster.core.understanding.reading import COLUMNS
from mmsearch_dagster.core.understanding.synonyms import OneWay, SynonymRules
from mmsearch_dagster.core.understanding.values import values_of
from mmsearch_dagster.pipeline.retrieval.engine_rankings import CatalogueWords, engine_rankings
from mmsearch_dagster.pipeline.retrieval.retrieve import retriever_lists
from mmsearch_dagster.serving import release_parts
from mmsearch_dagster.serving.engine import Engine
from mmsearch_dagster.serving.item_source import KeptItems
from tests.media import sound_file, tone
from tests.small_release import (
    IMAGE_WIDTH,
    TEXT_WIDTH,
    HashedWords,
    MeanColour,
    make_release,
    picture,
)


class Doubtful:
    fingerprint = "doubtful"

    def transcribe(self, samples: NDArray[np.float32]) -> Transcript:
        return Transcript("wool scarf", 0.4)


WIDTHS = {TEXT: TEXT_WIDTH, IMAGE: IMAGE_WIDTH}
ASKED = {
    "words": Query(text="blue leather bag"),
    "words[zh]": Query(text="红色运动鞋"),
    "words[ja]": Query(text="運動鞋のバッグ bag"),
    "words[other]": Query(text="красные туфли"),
    "picture": Query(image=picture("green")),
    "words+picture": Query(text="scarf", image=picture("blue")),
    "words+picture[zh]": Query(text="红色", image=picture("blue")),
    "words+voice": Query(text="red", audio=sound_file(tone(500, 0.5))),
    "words+voice+picture": Query(text="red", audio=sound_file(tone(500, 0.5)), image=picture("white")),
}


# A condition that every product passes, so that it must change nothing.
ALWAYS_TRUE = 'category ~ "shop"'
IN_MEMORY, BY_THE_INDEX = 1_000_000, 1


every_way = pytest.mark.parametrize(
    ("exact_rows", "where"), list(itertools.product((IN_MEMORY, BY_THE_INDEX), (None, ALWAYS_TRUE)))
)


@dataclass
class Shop:
    """A release whose encoders make vectors of lengths from 1 to `longest`, served as a test wants it."""

    folder: Path
    exact_rows: int
    longest: float
    several_pictures: bool = False

    def __post_init__(self) -> None:
        self.release = make_release(
            self.folder,
            text_column=True,
            longest=self.longest,
            several_pictures=self.several_pictures,
        )
        self.encoders = {TEXT: HashedWords(longest=self.longest), IMAGE: MeanColour(longest=self.longest)}
        self.engine = self.opened(RetrievalParams())
        self.queries = _judged(self.engine)

    def opened(self, retrieval: RetrievalParams, synonyms: SynonymRules = SynonymRules()) -> Engine:
        one = self.release
        return Engine.open(
            one.manifest.model_copy(update={"retrieval": retrieval}),
            one.index_uri,
            one.model_dir,
            self.encoders,
            exact_rows=self.exact_rows,
            synonyms=synonyms,
        )

    def measured(self) -> dict[str, Rankings]:
        """What each retriever finds, as the evaluation computes it."""
        items, model = _items(self.engine), load_model(self.release.model_dir)
        lists = retriever_lists(self.engine.table, items)
        return rankings_of(lists(model, self.queries))


@every_way
@pytest.mark.parametrize("multilingual", [pytest.param(False, marks=pytest.mark.slow), True])
def test_the_engine_answers_each_kind_of_query_as_it_was_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, multilingual: bool, exact_rows: int, where: str | None
) -> None:
    monkeypatch.setattr(release_parts, "open_recogniser", lambda *_: Doubtful())
    shop = Shop(tmp_path, exact_rows, longest=20.0)
    branches = shop.measured()
    chosen = choose_blend(branches, shop.queries, multilingual=multilingual)

    measured = blend(branches, shop.queries, chosen.weights)
    engine = shop.opened(chosen)
    answers = {kind: engine.search(query, k=DEPTH, where=where) for kind, query in ASKED.items()}

    assert {kind: answer.kind for kind, answer in answers.items()} == {kind: kind for kind in ASKED}
    assert {kind: [hit.product_id for hit in one.hits] for kind, one in answers.items()} == measured
    for kind in ("words[zh]", "words[ja]", "words[other]"):
        assert (measured[kind] == branches[LEXICAL_RETRIEVER][kind]) is not multilingual
        assert (chosen.weights.get(kind) == FULL_TEXT_ALONE) is not multilingual


# The middle one shows what `make quick` has to see.
LENGTHS = [
    pytest.param(1.0, False, marks=pytest.mark.slow),
    (20.0, True),
    pytest.param(1000.0, False, marks=pytest.mark.slow),
]


@every_way
@pytest.mark.parametrize(("longest", "several_pictures"), LENGTHS)
def test_each_retriever_alone_answers_as_it_was_measured_whatever_the_norms_of_its_vectors(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    longest: float,
    several_pictures: bool,
    exact_rows: int,
    where: str | None,
) -> None:
    monkeypatch.setattr(release_parts, "open_recogniser", lambda *_: Doubtful())
    shop = Shop(tmp_path, exact_rows, longest, several_pictures)
    branches = shop.measured()

    for retriever in (TEXT, IMAGE, VECTOR_RETRIEVER):
        alone = {VECTOR_RETRIEVER: 0.0, retriever: 1.0}
        engine = shop.opened(RetrievalParams(weights=dict.fromkeys(ASKED, alone)))
        able = {kind: query for kind, query in ASKED.items() if branches[retriever][kind]}
        answers = {kind: engine.search(query, k=DEPTH, where=where) for kind, query in able.items()}

        assert {kind: [hit.product_id for hit in one.hits] for kind, one in answers.items()} == {
            kind: branches[retriever][kind] for kind in able
        }


FILTERED = {
    "price": Query(text="leather bag under 60"),
    "without": Query(text="bag not blue"),
    "no such price": Query(text="wool scarf under 0.01"),
    "synonym": Query(text="leather satchel"),
    "number": Query(text="p00007"),
    "photo": Query(text="scarf over 50", image=picture("blue")),
}


@pytest.mark.parametrize("exact_rows", [IN_MEMORY, BY_THE_INDEX])
def test_filters_further_words_and_named_products_are_measured_as_they_are_served(
    tmp_path: Path, exact_rows: int
) -> None:
    shop = Shop(tmp_path, exact_rows, longest=20.0)
    synonyms = SynonymRules(one_way=(OneWay(typed="satchel", means=("bag", "scarf")),))
    weights = {kind: {LEXICAL_RETRIEVER: 1.0, TEXT: 0.5} for kind in ("words", "words+picture")}
    retrieval = RetrievalParams(weights=weights)
    engine = shop.opened(retrieval, synonyms)
    queries = _judged(engine, FILTERED)

    lists = retriever_lists(engine.table, _items(engine))(load_model(shop.release.model_dir), queries)
    measured = engine_rankings(
        lists,
        queries,
        retrieval,
        None,
        words=CatalogueWords(KeptItems(engine.table.rows), values_of(engine.table.records(COLUMNS))),
    )
    answers = {name: engine.search(query, k=DEPTH) for name, query in FILTERED.items()}

    assert queries.understood.keys() == FILTERED.keys()
    assert {name: [hit.product_id for hit in one.hits] for name, one in answers.items()} == measured
    assert measured["number"][0] == "p00007"


@pytest.mark.parametrize("order", [BY_RANKS, BY_SCORES])
def test_what_people_chose_before_is_measured_as_it_is_served(tmp_path: Path, order: str) -> None:
    shop = Shop(tmp_path, IN_MEMORY, longest=20.0)
    ids = sorted(shop.engine.table.product_ids)
    votes = {query_key("bag leather"): dict.fromkeys(ids, 0.5), query_key("wool scarf"): {ids[-1]: 0.9}}
    memory = QueryMemory.of(votes)
    pin = QueryMemoryPin(sha256=memory.save(shop.release.model_dir / QUERY_MEMORY_FILE), queries=2)
    shop.release = replace(
        shop.release, manifest=shop.release.manifest.model_copy(update={"query_memory": pin})
    )
    weights = {"words": {LEXICAL_RETRIEVER: 1.0, QUERY_MEMORY: 1 / 3}}
    retrieval = RetrievalParams(weights=weights, orders={"words": order})
    engine = shop.opened(retrieval)
    words = {name: query for name, query in FILTERED.items() if query.image is None}
    words["again"] = Query(text="the leather bags")
    queries = _judged(engine, words)

    lists = retriever_lists(engine.table, _items(engine), past=memory)
    found = lists(load_model(shop.release.model_dir), queries)
    catalogue = CatalogueWords(KeptItems(engine.table.rows), values_of(engine.table.records(COLUMNS)))
    measured = engine_rankings(found, queries, retrieval, None, words=catalogue)
    answers = {name: engine.search(query, k=DEPTH) for name, query in words.items()}

    assert {name for name, ranked in found[QUERY_MEMORY].items() if ranked} == {
        "price",
        "no such price",
        "again",
    }
    assert {name: [hit.product_id for hit in one.hits] for name, one in answers.items()} == measured


def _items(engine: Engine) -> ModalityBatch:
    """The catalogue by the index's own vectors, a row per picture."""
    ids, pictures = engine.table.matrix(modality_column(IMAGE))
    texts = dict(zip(*engine.table.matrix(modality_column(TEXT)), strict=True))
    batch = assemble(ids, {TEXT: texts}, WIDTHS)
    present = np.ones(len(ids), bool)
    return ModalityBatch(batch.ids, {**batch.vectors, IMAGE: pictures}, {**batch.present, IMAGE: present})


def _judged(engine: Engine, queries: Mapping[str, Query] = ASKED) -> JudgedQueries:
    """Too few of each kind to choose a blend by."""
    read = {kind: engine.prepare(query) for kind, query in queries.items()}
    vectors = {
        name: {
            kind: query.vectors.vectors[name][0]
            for kind, query in read.items()
            if query.vectors.present[name][0]
        }
        for name in WIDTHS
    }
    return JudgedQueries(
        batch=assemble(list(queries), vectors, WIDTHS),
        texts=tuple(query.text for query in read.values()),
        provenance=("judged",) * len(queries),
        grades={kind: {"p00000": 3} for kind in queries},
        kinds={kind: query.kind for kind, query in read.items()},
        confidence={k: query.transcript.confidence for k, query in read.items() if query.transcript},
        typed={kind: query.typed for kind, query in read.items() if query.transcript and query.typed},
        understood={
            kind: query.understood
            for kind, query in read.items()
            if query.understood and not query.understood.is_text_alone
        },
    )
