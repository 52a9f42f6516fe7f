"""The blend that the held-out training queries ask for."""

from dataclasses import replace

import pytest

from mmsearch_dagster.core.blending import FALLBACK, WEIGHTS, blend, choose_blend
from tests.core.judged import queries, rankings

EAGER = max(WEIGHTS)


def test_a_blend_weighs_by_the_kind_of_query() -> None:
    branches = {"vector": {"q0": ["a"], "q1": ["a"]}, "lexical": {"q0": ["b"], "q1": ["b"]}}
    asked = replace(queries(2), kinds={"q0": "words", "q1": "picture"})
    assert blend(branches, asked, {"words": {"lexical": 2.0}}) == {"q0": ["b", "a"], "q1": ["a"]}


def test_a_kind_that_was_never_seen_is_blended_as_the_engine_does() -> None:
    branches = {"vector": {"q0": ["a"]}, "lexical": {"q0": ["b"]}}
    asked = replace(queries(1), kinds={"q0": "words[zh]"})
    assert blend(branches, asked, {"words": {"lexical": 2.0}}) == {"q0": ["b", "a"]}


def test_a_doubtful_voice_is_blended_as_the_engine_does() -> None:
    branches = {"vector": {"q0": ["a"]}, "lexical": {"q0": ["b"]}}
    asked = replace(queries(1), kinds={"q0": "voice+picture"})
    chosen = {"voice+picture": {"lexical": 2.0}}
    assert blend(branches, asked, chosen) == {"q0": ["b", "a"]}
    assert blend(branches, replace(asked, confidence={"q0": 0.3}), chosen) == {"q0": ["a", "b"]}


def test_full_text_gets_the_most_weight_where_only_it_finds_the_product() -> None:
    asked = queries(12)
    branches = {"vector": rankings(asked, "wrong", "bad"), "lexical": rankings(asked, "right")}
    assert choose_blend(branches, asked).weights["words"] == {"lexical": EAGER}


def test_full_text_gets_no_weight_where_it_does_harm() -> None:
    asked = queries(12)
    # Even the smallest weight lifts "wrong", which both name, above "right".
    branches = {"vector": rankings(asked, "right", "wrong"), "lexical": rankings(asked, "wrong")}
    assert choose_blend(branches, asked).weights["words"] == {}


def test_a_tie_goes_to_full_text_but_not_to_an_encoder() -> None:
    asked = queries(12, picture=True)
    same = rankings(asked, "right", "wrong")
    chosen = choose_blend({"vector": same, "lexical": same, "image": same}, asked)
    assert chosen.weights["words+picture"] == {"lexical": EAGER}


def test_an_encoder_alone_is_asked_where_it_knows_better() -> None:
    asked = queries(12, words=False, picture=True)
    branches = {"vector": rankings(asked, "wrong", "right"), "image": rankings(asked, "right")}
    chosen = choose_blend({**branches, "lexical": rankings(asked)}, asked).weights
    assert set(chosen["picture"]) == {"image"}
    assert blend(branches, asked, chosen) == rankings(asked, "right", "wrong")


@pytest.mark.parametrize(("count", "few"), [(0, True), (9, True), (10, False)])
def test_under_ten_queries_are_too_few_to_choose_by(count: int, few: bool) -> None:
    asked = queries(count)
    branches = {"vector": rankings(asked, "wrong"), "lexical": rankings(asked, "right")}
    chosen = choose_blend(branches, asked).weights
    assert (chosen["words"] == {"lexical": FALLBACK}) is few
    assert chosen["words+picture"] == {"lexical": FALLBACK}


def test_a_picture_alone_never_uses_full_text() -> None:
    asked = queries(3, words=False, picture=True)
    branches = {"vector": rankings(asked, "wrong"), "lexical": rankings(asked)}
    assert choose_blend(branches, asked).weights["picture"] == {}
