"""The same facts in different words, and what counts as relevant."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmsearch_dagster.demo_shop.spec import StoreSpec
from mmsearch_dagster.demo_shop.wording import (
    Traits,
    Wanted,
    chinese_query,
    english_query,
    filled,
    grade,
    in_chinese,
    misspelt,
    sentence,
    wanted_by,
)

RED_DOTTED_MUG = Traits("mug", "red", "dotted", "unisex", "ceramic", "Nordvik")
BLUE_SHIRT = Traits("shirt", "blue", "plain", "men", "linen", "Hollin")


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (Wanted("mug"), 3),
        (Wanted("mug", color="red"), 3),
        (Wanted("mug", color="red", pattern="dotted", material="ceramic"), 3),
        (Wanted("mug", color="red", pattern="striped"), 2),
        (Wanted("mug", color="blue", pattern="dotted"), 2),
        (Wanted("mug", color="blue"), 1),
        (Wanted("mug", gender="women"), 3),
        (Wanted("mug", gender="kids"), 1),
        (Wanted("teapot", color="red"), 1),
        (Wanted("teapot", color="blue"), 0),
        (Wanted("lamp"), 0),
    ],
)
def test_relevance_of_a_red_dotted_mug(wanted: Wanted, expected: int) -> None:
    similar = ("mug",) if wanted.kind == "teapot" else ()
    assert grade(wanted, RED_DOTTED_MUG, similar) == expected


def test_a_template_asks_only_for_what_it_names() -> None:
    assert wanted_by("{color} {noun}", BLUE_SHIRT) == Wanted("shirt", color="blue")
    assert wanted_by("{noun} {with}", RED_DOTTED_MUG) == Wanted("mug", pattern="dotted")
    assert wanted_by("{noun} {gender}", RED_DOTTED_MUG) == Wanted("mug")


def test_empty_words_leave_no_holes() -> None:
    assert filled("{a} {b}, {c}.", {"a": "", "b": "tea", "c": ""}) == "tea,."
    assert filled("{a} {b} {c}", {"a": "", "b": "tea", "c": ""}) == "tea"
    assert sentence("made of wool. soft scarf.") == "Made of wool. Soft scarf."


@given(st.text(), st.integers())
def test_a_slip_of_the_fingers_keeps_every_letter(text: str, seed: int) -> None:
    assert sorted(misspelt(text, random.Random(seed))) == sorted(text)


def test_people_ask_for_the_same_thing_in_many_ways(spec: StoreSpec) -> None:
    asked = {english_query(spec, BLUE_SHIRT, random.Random(seed))[0] for seed in range(200)}
    assert len(asked) > 60
    assert any("blouse" in text for text in asked)
    assert any("cobalt" in text for text in asked)


def test_whoever_asks_finds_the_product_in_mind(spec: StoreSpec) -> None:
    for seed in range(100):
        for ask in (english_query, chinese_query):
            text, wanted = ask(spec, RED_DOTTED_MUG, random.Random(seed))
            assert text == text.strip() != ""
            assert grade(wanted, RED_DOTTED_MUG, ()) == 3


def test_the_same_wish_in_chinese(spec: StoreSpec) -> None:
    assert in_chinese(spec, Wanted("sneakers", color="red")) == "红色运动鞋"
    everything = Wanted("mug", "red", "dotted", "men", "ceramic", "Nordvik")
    assert in_chinese(spec, everything) == "Nordvik 男士陶瓷红色圆点马克杯"
    assert in_chinese(spec, Wanted("lamp")) == "台灯"
