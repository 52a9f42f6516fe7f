"""One feature row per query and candidate."""

import math

import numpy as np
import pytest

from mmsearch_dagster.core.ranking.features import (
    COLUMN,
    FEATURES,
    RankedCandidates,
    RankedQuery,
    RankerInput,
    candidates_of,
    feature_rows,
)
from mmsearch_dagster.core.text.terms import read_terms
from mmsearch_dagster.core.understanding.understood import PREFER, QueryPart
from tests.core.ranking.catalogue import GIVEN, ITEMS, LISTS, STATISTICS


def rows_for(text: str, lists: dict[str, list[tuple[str, float]]] = LISTS) -> RankedCandidates:
    return feature_rows(RankedQuery.of(text), RankerInput.of(lists, ITEMS), STATISTICS)


def value(candidates: RankedCandidates, product: str, feature: str) -> float:
    return float(candidates.features[candidates.ids.index(product), COLUMN[feature]])


def test_every_candidate_has_one_row() -> None:
    candidates = rows_for("blue shoes")

    assert candidates.ids == candidates_of(LISTS) == ("a", "b", "c")
    assert candidates.features.shape == (3, len(FEATURES))
    assert candidates.features.dtype == np.float32


def test_no_name_stands_twice() -> None:
    assert len(set(FEATURES)) == len(FEATURES)


def test_a_retrievers_score_scale_and_rank_are_features() -> None:
    candidates = rows_for("blue shoes")

    assert value(candidates, "a", "lexical_score") == 4.0
    assert value(candidates, "b", "lexical_scaled") == 0.5
    assert value(candidates, "a", "text_rank") == pytest.approx(1 / 3)
    # 0.7 * 2/4 + 0.3 * (0.9 - 0.3) / (0.9 - 0.3)
    assert value(candidates, "b", "score_fusion") == pytest.approx(0.65)
    assert value(candidates, "b", "rank_fusion") == pytest.approx(1 / 62 + 1 / 61)
    assert value(candidates, "c", "retrievers_in_agreement") == 1.0


def test_a_retriever_that_was_not_asked_is_missing_and_one_that_lacks_the_product_has_no_score() -> None:
    candidates = rows_for("blue shoes")

    assert math.isnan(value(candidates, "a", "image_score"))
    assert math.isnan(value(candidates, "c", "lexical_score"))
    assert value(candidates, "c", "lexical_rank") == 0.0


def test_words_are_weighted_by_how_rare_they_are() -> None:
    candidates = rows_for("blue shoes")

    assert value(candidates, "a", "query_words_in_item") == 1.0
    # `blue` is in three products of five, `shoe` in two: the rarer word counts more
    assert value(candidates, "b", "query_words_in_item") > 0.5 > value(candidates, "c", "query_words_in_item")
    assert value(candidates, "b", "query_words_in_item_unweighted") == 0.5


def test_quantities_agree_or_contradict_across_units() -> None:
    lists = {"lexical": [("c", 2.0), ("d", 2.0), ("a", 1.0)]}
    candidates = rows_for("bottle 0.5 l", lists)

    assert value(candidates, "c", "quantities_agree") == 1.0
    assert value(candidates, "d", "quantities_contradict") == 1.0
    assert (
        value(candidates, "a", "quantities_agree") == value(candidates, "a", "quantities_contradict") == 0.0
    )
    assert math.isnan(value(rows_for("bottle", lists), "c", "quantities_agree"))


def test_a_model_number_is_looked_for() -> None:
    lists = {"lexical": [("e", 3.0), ("a", 1.0)]}
    candidates = rows_for("ezxs88w", lists)

    assert value(candidates, "e", "codes_in_item") == 1.0
    assert value(candidates, "a", "codes_missing") == 1.0


def test_a_price_is_a_position_among_the_candidates_and_may_be_missing() -> None:
    lists = {"lexical": [("a", 3.0), ("c", 2.0), ("d", 1.0)]}
    candidates = rows_for("blue", lists)

    assert value(candidates, "a", "price_position") == 1.0
    assert value(candidates, "c", "price_position") == 0.5
    assert math.isnan(value(candidates, "d", "price_position"))


def test_an_image_alone_has_no_word_features() -> None:
    candidates = feature_rows(RankedQuery(), RankerInput.of({"image": [("a", 0.8)]}, ITEMS), STATISTICS)

    assert value(candidates, "a", "image_score") == pytest.approx(0.8)
    assert math.isnan(value(candidates, "a", "ratio"))


def test_no_list_no_candidate() -> None:
    assert rows_for("blue", {}).ids == ()


def parts_of(**preferred: str) -> list[QueryPart]:
    return [QueryPart(kind, text, text, PREFER) for kind, text in preferred.items()]


def test_what_is_preferred_agrees_with_a_product_or_contradicts_it() -> None:
    query = RankedQuery.of("red running shoes", parts_of(colour="red", category="Running"))
    candidates = feature_rows(query, GIVEN, STATISTICS)

    assert value(candidates, "b", "colour_agrees") == value(candidates, "b", "preferences_met") == 1.0
    assert value(candidates, "a", "colour_agrees") == -1.0
    assert value(candidates, "a", "preferences_met") == 0.5
    assert math.isnan(value(candidates, "a", "brand_agrees"))


def test_a_photo_says_of_which_category_the_product_is() -> None:
    lists = {"image": [("c", 0.9), ("d", 0.9), ("a", 0.8)]}
    candidates = feature_rows(RankedQuery(), RankerInput.of(lists, ITEMS), STATISTICS)

    # weights e^0, e^0 and e^-2
    assert value(candidates, "c", "photo_category") == pytest.approx(2 / (2 + math.exp(-2)))
    assert value(candidates, "a", "photo_top_category") == 0.0
    assert math.isnan(value(candidates, "c", "photo_category_x_lexical_scaled"))


def test_words_beside_a_photo_count_where_the_photo_agrees() -> None:
    lists = {"image": [("c", 0.9), ("d", 0.9)], "lexical": [("a", 4.0), ("c", 2.0)]}
    candidates = rows_for("blue", lists)

    assert value(candidates, "c", "photo_category_x_lexical_scaled") == pytest.approx(0.5)
    assert value(candidates, "a", "photo_category_x_lexical_scaled") == 0.0
    assert value(candidates, "c", "lexical_in_photo_category") == 1.0
    assert math.isnan(value(rows_for("blue"), "a", "photo_category_x_lexical_scaled"))


def test_words_of_other_spellings_and_accents_are_the_same_word() -> None:
    assert read_terms("Maréa CAFÉ").words == read_terms("marea cafe").words
