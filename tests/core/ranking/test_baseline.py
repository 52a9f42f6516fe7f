"""What is released where no challenger may be."""

from mmsearch_dagster.core.ranking.baseline import baseline
from mmsearch_dagster.core.ranking.choose_order import alone
from mmsearch_dagster.core.release import RetrievalParams
from mmsearch_dagster.core.retrieval.rank_fusion import LEARNED, order_of_kind, retriever_weights

KINDS = {"q0": "words", "q1": "words", "q2": "picture"}
VALUES = {
    "bm25": {"q0": 0.4, "q1": 0.6, "q2": 0.0},
    "text only": {"q0": 0.7, "q1": 0.7, "q2": 0.0},
    "image only": {"q0": 0.0, "q1": 0.0, "q2": 0.2},
    "video only": {"q0": 0.9, "q1": 0.9, "q2": 0.9},
}
CHALLENGER = RetrievalParams(orders={"words": LEARNED}, weights={"words": {"lexical": 0.5}}, rrf_k=20)


def test_each_kind_is_left_to_the_retriever_that_is_best_for_it() -> None:
    chosen = baseline(VALUES, KINDS, CHALLENGER)
    assert chosen.weights["words"] == alone("text")
    assert chosen.weights["picture"] == alone("image")
    assert chosen.rrf_k == 20


def test_nothing_learned_is_left_in_it() -> None:
    chosen = baseline(VALUES, KINDS, CHALLENGER)
    for kind in ("words", "picture", "voice", "words[zh]", "words+picture"):
        assert order_of_kind(kind, chosen.orders) == "ranks"
        assert retriever_weights(kind, chosen.weights)["vector"] == 0.0


def test_without_any_query_words_are_left_to_full_text_and_photos_to_their_encoder() -> None:
    chosen = baseline({}, {}, CHALLENGER)
    assert chosen.weights["words"] == chosen.weights["words[zh]"] == alone("lexical")
    assert chosen.weights["picture"] == alone("image")
