"""One list from several by their scores."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmsearch_dagster.core.retrieval.score_fusion import fuse_scores, fusion_shares, scaled_scores

scores = st.floats(0.0, 100.0, allow_nan=False)
lists = st.dictionaries(
    st.sampled_from(["lexical", "vector", "text", "image"]),
    st.dictionaries(st.sampled_from("abcdef"), scores).map(lambda found: sorted(found.items())),
)


def test_bm25_is_measured_against_0_and_a_cosine_against_the_lowest_of_its_list() -> None:
    assert scaled_scores("lexical", [4.0, 2.0]).tolist() == [1.0, 0.5]
    assert scaled_scores("text", [0.9, 0.7]).tolist() == [1.0, 0.0]
    assert scaled_scores("text", []).tolist() == []


def test_vectors_share_what_full_text_leaves_and_decide_alone_where_it_finds_nothing() -> None:
    found = [("a", 1.0)]
    assert fusion_shares({"lexical": found, "text": found, "vector": found}) == {
        "lexical": 0.7,
        "text": pytest.approx(0.15),
        "vector": pytest.approx(0.15),
    }
    assert fusion_shares({"lexical": [], "text": found})["text"] == 1.0
    assert fusion_shares({"lexical": found}) == {"lexical": 1.0}


def test_how_far_apart_two_products_are_counts() -> None:
    near = fuse_scores({"lexical": [("a", 2.0), ("b", 1.99)], "text": [("b", 0.9), ("a", 0.1)]})
    far = fuse_scores({"lexical": [("a", 2.0), ("b", 0.5)], "text": [("b", 0.9), ("a", 0.1)]})
    assert [product for product, _ in near] == ["b", "a"]
    assert [product for product, _ in far] == ["a", "b"]


def test_beside_a_photo_the_photo_counts_for_more_than_the_words() -> None:
    words = {"lexical": [("grey laptop", 9.0), ("grey suitcase", 6.0)], "text": [("grey laptop", 0.9)]}
    photo = {"image": [("suitcase", 0.9), ("grey suitcase", 0.88), ("grey laptop", 0.1)]}
    assert next(iter(fuse_scores(words)))[0] == "grey laptop"
    fused = dict(fuse_scores({**words, **photo, "vector": [("grey suitcase", 0.8), ("grey laptop", 0.2)]}))
    assert fused == pytest.approx(
        {
            "grey suitcase": 0.3 * 2 / 3 + 0.35 * 0.78 / 0.8 + 0.35,
            "suitcase": 0.35,
            "grey laptop": 0.3,
        }
    )


def test_a_product_near_the_words_alone_stays_in_the_list_beside_a_photo() -> None:
    assert fuse_scores({"image": [("a", 0.9), ("b", 0.1)], "text": [("c", 0.9)]})[-1] == ("c", 0.0)


@given(lists)
def test_every_product_is_there_once_best_first_and_within_0_and_1(found: dict[str, list]) -> None:
    fused = fuse_scores(found)
    assert sorted(product for product, _ in fused) == sorted(
        {p for entries in found.values() for p, _ in entries}
    )
    assert [score for _, score in fused] == sorted((score for _, score in fused), reverse=True)
    assert all(0.0 <= score <= 1.0 + 1e-6 for _, score in fused)


@given(lists, st.floats(0.5, 10.0))
def test_the_unit_of_a_retrievers_scores_does_not_matter(found: dict[str, list], factor: float) -> None:
    stretched = {name: [(p, score * factor) for p, score in entries] for name, entries in found.items()}
    before, after = dict(fuse_scores(found)), dict(fuse_scores(stretched))
    assert before.keys() == after.keys()
    assert all(after[product] == pytest.approx(before[product], abs=1e-5) for product in before)
