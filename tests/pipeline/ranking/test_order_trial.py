"""Which judged queries the order of results is tried on."""

import numpy as np

from mmsearch_dagster.core.evaluation.judged_queries import JudgedQueries
from mmsearch_dagster.core.labels.provenance import CATALOGUE, JUDGED
from mmsearch_dagster.core.modalities import IMAGE, ModalityBatch
from mmsearch_dagster.pipeline.ranking.order_trial import CandidateLists, choose_ranker, rankable, with_words

IDS = ("words", "photo", "both", "nothing", "made up")
QUERIES = JudgedQueries(
    batch=ModalityBatch(
        IDS, {IMAGE: np.ones((5, 2), np.float32)}, {IMAGE: np.array([False, True, True, False, True])}
    ),
    texts=("red", None, "in red", None, None),
    provenance=(JUDGED, JUDGED, JUDGED, JUDGED, CATALOGUE),
    grades={key: {"p1": 3} for key in IDS},
    kinds=dict(zip(IDS, ("words", "picture", "words+picture", "voice", "picture"), strict=True)),
)


def test_a_photo_alone_is_tried_where_it_is_wanted() -> None:
    assert rankable(QUERIES, photos=True) == [(0, "words"), (1, "photo"), (2, "both")]
    assert rankable(QUERIES, photos=False) == with_words(QUERIES) == [(0, "words"), (2, "both")]


def test_a_query_keeps_the_lists_that_bring_something() -> None:
    lists = {"image": {"photo": [("p1", 0.9)], "both": [("p2", 0.8)]}, "lexical": {"words": [("p3", 2.0)]}}

    candidates = CandidateLists.of((QUERIES, lists), photos=True)

    assert candidates.lists == {
        "words": {"lexical": [("p3", 2.0)]},
        "photo": {"image": [("p1", 0.9)]},
        "both": {"image": [("p2", 0.8)]},
    }
    assert candidates.kinds["photo"] == "picture"


def rankings(right: int) -> dict[str, list[str]]:
    """Of 60 queries the first `right` have their product first, the others second."""
    return {f"q{number:02d}": ["p1", "p0"] if number < right else ["p0", "p1"] for number in range(60)}


GRADES = {f"q{number:02d}": {"p1": 3} for number in range(60)}


def test_linear_and_trees_together_rank_where_nothing_is_shown_to_be_better() -> None:
    slightly = {"linear": rankings(31), "ensemble": rankings(30), "deep": rankings(32)}

    assert choose_ranker(slightly, GRADES) == "ensemble"


def test_another_ranker_is_taken_where_it_is_shown_to_be_better() -> None:
    assert choose_ranker({"linear": rankings(45), "ensemble": rankings(30)}, GRADES) == "linear"
    assert choose_ranker({"ensemble": rankings(30), "deep": rankings(45)}, GRADES) == "deep"
