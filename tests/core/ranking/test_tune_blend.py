"""The blend that the held-out training queries ask for."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmsearch_dagster.core.evaluation.judged_queries import JudgedQueries, Rankings, blend
from mmsearch_dagster.core.ranking.tune_blend import (
    FALLBACK,
    FULL_TEXT_ALONE,
    PHOTO_MEMORY_ALONE,
    WEIGHTS,
    choose_blend,
)
from mmsearch_dagster.core.retrieval.rank_fusion import retriever_weights
from tests.core.judged import queries, rankings

EAGER = max(WEIGHTS)


def weights_for(
    branches: dict[str, Rankings], asked: JudgedQueries, *, multilingual: bool = False
) -> dict[str, dict[str, float]]:
    return choose_blend(branches, asked, multilingual=multilingual).weights


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


def test_a_doubtful_voice_beside_typed_words_is_blended_as_the_engine_does() -> None:
    branches = {"vector": {"q0": []}, "lexical": {"q0": ["heard"]}, "typed": {"q0": ["typed"]}}
    asked = replace(queries(1), kinds={"q0": "words+voice"}, confidence={"q0": 0.3}, typed={"q0": "words"})
    assert blend(branches, asked, {"words": {"lexical": 1.0}}) == {"q0": ["typed", "heard"]}
    sure = replace(asked, confidence={"q0": 0.8})
    assert blend(branches, sure, {"words": {"lexical": 1.0}}) == {"q0": ["heard", "typed"]}


def test_the_share_of_typed_words_is_not_chosen() -> None:
    asked = replace(queries(12), kinds=dict.fromkeys(queries(12).batch.ids, "words+voice"))
    branches = {"vector": rankings(asked, "wrong"), "lexical": rankings(asked, "right")}
    chosen = weights_for({**branches, "typed": rankings(asked, "right")}, asked)
    assert set(chosen["words+voice"]) == {"lexical"}


def test_full_text_gets_the_most_weight_where_only_it_finds_the_product() -> None:
    asked = queries(12)
    branches = {"vector": rankings(asked, "wrong", "bad"), "lexical": rankings(asked, "right")}
    assert weights_for(branches, asked)["words"] == {"lexical": EAGER}


def test_full_text_gets_no_weight_where_it_does_harm() -> None:
    asked = queries(12)
    # Even the smallest weight lifts "wrong", which both name, above "right".
    branches = {"vector": rankings(asked, "right", "wrong"), "lexical": rankings(asked, "wrong")}
    assert weights_for(branches, asked)["words"] == {}


def test_a_tie_goes_to_full_text_but_not_to_an_encoder() -> None:
    asked = queries(12, picture=True)
    same = rankings(asked, "right", "wrong")
    chosen = weights_for({"vector": same, "lexical": same, "image": same}, asked)
    assert chosen["words+picture"] == {"lexical": EAGER}


def test_an_encoder_alone_is_asked_where_it_knows_better() -> None:
    asked = queries(12, words=False, picture=True)
    branches = {"vector": rankings(asked, "wrong", "right"), "image": rankings(asked, "right")}
    chosen = weights_for({**branches, "lexical": rankings(asked)}, asked)
    assert set(chosen["picture"]) == {"image"}
    assert blend(branches, asked, chosen) == rankings(asked, "right", "wrong")


def test_judged_photos_answer_a_photo_alone_where_nothing_else_is_worth_adding() -> None:
    asked = queries(12, words=False, picture=True)
    branches = {"vector": rankings(asked, "right"), "photo_memory": rankings(asked, "right")}
    assert weights_for(branches, asked)["picture"] == PHOTO_MEMORY_ALONE


def test_judged_photos_do_not_silence_a_better_vector() -> None:
    asked = queries(12, words=False, picture=True)
    branches = {"vector": rankings(asked, "right"), "photo_memory": rankings(asked, "wrong", "right")}
    assert weights_for(branches, asked)["picture"] == {}


@pytest.mark.parametrize(("count", "few"), [(0, True), (9, True), (10, False)])
def test_under_ten_queries_are_too_few_to_choose_by(count: int, few: bool) -> None:
    asked = queries(count)
    branches = {"vector": rankings(asked, "wrong"), "lexical": rankings(asked, "right")}
    chosen = weights_for(branches, asked)
    assert (chosen["words"] == FALLBACK) is few
    assert chosen["words+picture"] == FALLBACK


def test_a_picture_alone_never_uses_full_text() -> None:
    asked = queries(3, words=False, picture=True)
    branches = {"vector": rankings(asked, "wrong"), "lexical": rankings(asked)}
    assert weights_for(branches, asked)["picture"] == {}


# Full-text search has it second; the fused vector lifts ten others, which it takes for the better.
NOISE = [f"other {number}" for number in range(10)]
UNREADABLE = {"vector": NOISE, "lexical": ["first", "right", *NOISE]}


def test_where_the_encoder_cannot_read_the_words_full_text_answers_alone() -> None:
    asked = replace(queries(12), kinds={f"q{row}": "words[zh]" for row in range(12)})
    branches = {name: rankings(asked, *found) for name, found in UNREADABLE.items()}
    chosen = weights_for(branches, asked)
    assert chosen["words[zh]"]["vector"] == 0.0
    assert blend(branches, asked, chosen) == branches["lexical"]
    assert "vector" not in chosen["words"]


def test_few_words_in_another_script_are_left_to_full_text_unless_the_encoder_reads_them() -> None:
    asked = queries(12)
    foreign = {key: "words[zh]" for key in asked.batch.ids[:9]}
    asked = replace(asked, kinds={**asked.kinds, **foreign})
    branches = {"vector": rankings(asked, "right"), "lexical": rankings(asked, "wrong")}
    chosen = weights_for(branches, asked)
    assert chosen["words[zh]"] == chosen["words[ja]"] == chosen["words[other]"] == FULL_TEXT_ALONE
    assert blend(branches, asked, chosen)["q0"] == ["wrong"]
    read = weights_for(branches, asked, multilingual=True)
    assert read["words[zh]"] == read["words"]
    assert retriever_weights("words[ja]", read) == retriever_weights("words", read)


def test_ten_queries_choose_for_themselves_whatever_the_script() -> None:
    asked = replace(queries(10), kinds={f"q{row}": "words[zh]" for row in range(10)})
    branches = {"vector": rankings(asked, "right", "wrong"), "lexical": rankings(asked, "wrong")}
    chosen = weights_for(branches, asked)
    assert chosen["words[zh]"] == {}
    assert retriever_weights("words+voice[zh]", chosen) == {"vector": 1.0}


def test_words_that_the_encoder_cannot_read_are_blended_only_where_much_is_won() -> None:
    asked = replace(queries(20), kinds={f"q{row}": "words[zh]" for row in range(20)})
    branches = {"vector": rankings(asked, "right"), "lexical": rankings(asked, "right", "wrong")}
    assert weights_for(branches, asked)["words[zh]"] == FULL_TEXT_ALONE, (
        "titles are found by equal signs, too"
    )
    assert weights_for(branches, asked, multilingual=True)["words[zh]"] == {"lexical": EAGER}

    half = asked.batch.ids[:10]
    branches["lexical"] |= {key: ["wrong"] for key in half}
    assert weights_for(branches, asked)["words[zh]"] != FULL_TEXT_ALONE


def test_beside_a_picture_words_in_any_script_are_blended_as_in_latin() -> None:
    asked = queries(12, picture=True)
    branches = {"vector": rankings(asked, "right", "wrong"), "lexical": rankings(asked, "right")}
    chosen = weights_for(branches, asked)
    for kind in ("words+picture[zh]", "words+picture[ko]"):
        assert retriever_weights(kind, chosen) == retriever_weights("words+picture", chosen)


def test_one_query_in_sixty_does_not_silence_the_fused_vector() -> None:
    asked = queries(60)
    branches = {"vector": rankings(asked, "right"), "lexical": rankings(asked, "right")}
    for name, found in UNREADABLE.items():
        branches[name]["q7"] = list(found)
    assert weights_for(branches, asked)["words"] == {"lexical": EAGER}


def test_full_text_outweighs_a_vector_that_still_helps() -> None:
    asked = queries(20)
    found, missed = asked.batch.ids[:14], asked.batch.ids[14:]
    branches = {
        "vector": {key: ["last"] for key in found} | {key: ["right"] for key in missed},
        "lexical": {key: ["right", *NOISE, "last"] for key in found} | {key: [] for key in missed},
    }
    chosen = weights_for(branches, asked)["words"]
    assert chosen.get("vector", 1.0) == 1.0
    assert chosen["lexical"] > EAGER


@settings(max_examples=15, deadline=None)
@given(st.lists(st.permutations(["right", *NOISE[:5]]), min_size=30, max_size=30))
def test_no_kind_is_left_without_a_branch(orders: list[list[str]]) -> None:
    asked = queries(10)
    branches = {
        name: dict(zip(asked.batch.ids, orders[start::3], strict=True))
        for start, name in enumerate(("vector", "lexical", "text"))
    }
    weights = {"vector": 1.0, **weights_for(branches, asked)["words"]}
    assert max(weights.values()) > 0
