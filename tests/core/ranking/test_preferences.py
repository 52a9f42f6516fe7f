"""What a query prefers against what a product states."""

import numpy as np

from mmsearch_dagster.core.ranking.preferences import (
    KINDS,
    agreement,
    preference_scores,
    preferred_values,
    stated_values,
)
from mmsearch_dagster.core.understanding.understood import FILTER, PREFER, QueryPart


def test_a_product_states_its_brand_categories_and_attributes() -> None:
    row = {
        "title": "Runner",
        "brand": "Maréa",
        "category": "Shoes > Running",
        "attributes": [{"key": "Color", "value": "Dark Blue"}, {"key": "sole", "value": "Rubber"}],
    }

    assert stated_values(row) == {
        "brand": {"marea"},
        "category": {"shoes", "running"},
        "colour": {"dark blue", "blue"},
        "attribute": {"rubber"},
    }


def test_a_title_tells_the_colour_where_no_attribute_does() -> None:
    assert stated_values({"title": "Gray ladies jacket"}) == {"colour": {"grey"}, "gender": {"women"}}
    assert stated_values({"title": "蓝色跑鞋"}) == {"colour": {"blue"}}
    row = {"title": "Red carpet lamp", "attributes": [{"key": "colour", "value": "white"}]}
    assert stated_values(row)["colour"] == {"white"}


def test_only_preferences_are_preferred() -> None:
    parts = [
        QueryPart("colour", "gray", "grey", PREFER),
        QueryPart("price", "under 60", "under 60", FILTER, "price < 60"),
    ]

    assert preferred_values(parts) == {"colour": {"grey"}}


def test_a_product_that_states_nothing_neither_agrees_nor_contradicts() -> None:
    preferred = {"colour": frozenset({"red"}), "brand": frozenset({"arlo"})}
    items = [{"colour": frozenset({"red"})}, {"colour": frozenset({"blue"})}, {}]

    rows = agreement(preferred, items)

    assert rows[:, KINDS.index("colour")].tolist() == [1.0, -1.0, 0.0]
    assert rows[:, KINDS.index("brand")].tolist() == [0.0, 0.0, 0.0]
    assert rows[:, -1].tolist() == [0.5, 0.0, 0.0]
    assert np.isnan(rows[:, KINDS.index("size")]).all()


def test_without_a_preference_nothing_is_compared() -> None:
    assert np.isnan(agreement({}, [{"colour": frozenset({"red"})}])).all()


def test_a_level_of_the_category_tells_for_whom_a_product_is() -> None:
    assert stated_values({"title": "Runner", "category": "Women > Tops"})["gender"] == {"women"}
    row = {"category": "Women > Tops", "attributes": [{"key": "gender", "value": "Unisex"}]}
    assert stated_values(row)["gender"] == {"unisex"}


def test_several_values_of_one_attribute_are_stated_each() -> None:
    row = {"attributes": [{"key": "style", "value": "Track Pants|Leggings"}]}

    assert stated_values(row)["attribute"] == {"track pants", "leggings"}


def test_the_score_of_a_preference_lies_between_contradiction_and_agreement() -> None:
    preferred = {"colour": frozenset({"red"}), "category": frozenset({"tops", "shoes"})}
    red_top = {"colour": frozenset({"red"}), "category": frozenset({"tops"})}
    blue_top = {"colour": frozenset({"blue"}), "category": frozenset({"tops"})}
    only_a_top = {"category": frozenset({"tops"})}

    scores = preference_scores(preferred, [red_top, only_a_top, blue_top, {}])

    np.testing.assert_allclose(scores, [3 / 5, 2.5 / 5, 2 / 5, 2.5 / 5])


def test_a_category_holds_before_a_size() -> None:
    preferred = {"category": frozenset({"dresses"}), "size": frozenset({"m"})}
    dress = {"category": frozenset({"dresses"}), "size": frozenset({"l"})}
    shirt = {"category": frozenset({"shirts"}), "size": frozenset({"m"})}

    large_dress, shirt_of_this_size = preference_scores(preferred, [dress, shirt])

    assert large_dress > shirt_of_this_size
