"""A query is read in the terms of its catalogue, and each part of the reading can be undone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmsearch_dagster.core.errors import QueryError
from mmsearch_dagster.core.retrieval.filters.conditions import category_sql
from mmsearch_dagster.core.understanding.reading import QueryReader
from mmsearch_dagster.core.understanding.understood import (
    FILTER,
    PREFER,
    REWRITE,
    SPELLING,
    UNMATCHED,
    Understood,
)
from tests.core.understanding.shop import PRODUCTS, reader

READER = reader()
KNOWN = sorted(READER.vocabulary.frequency)


def read(text: str, **options: object) -> Understood:
    return READER.read(text, **options)  # pyright: ignore[reportArgumentType]


def test_misspelt_words_are_corrected_and_a_price_is_a_bound() -> None:
    query = read("blu sneekers under 60")

    assert query.text == "blue sneakers"
    assert query.condition == "(price < 60.0)"
    assert [part.name for part in query.parts if part.effect != "prefer"] == [
        "price:under 60",
        "spelling:blu",
        "spelling:sneekers",
    ]


@pytest.mark.parametrize("typed", ["AB-1003", "ab1003", "ab 1003", "AB1003", "article no. ab-1003 please"])
def test_an_article_number_names_its_product_whole_without_signs_and_in_any_case(typed: str) -> None:
    assert read(typed).product_ids == ("AB-1003",)


@pytest.mark.parametrize("typed", ["4006381333931", "dk77", "sneakers 4006381333931"])
def test_numbers_among_the_attributes_name_their_product(typed: str) -> None:
    assert len(read(typed).product_ids) == 1


def test_a_number_in_a_title_names_no_product() -> None:
    assert not read("HP ab1003 printer cartridge").product_ids


def test_a_word_in_its_other_form_is_written_as_the_catalogue_does() -> None:
    assert read("trouser").text == "trousers"
    assert read("sneaker").text == "sneakers"


def test_a_real_word_that_the_catalogue_lacks_is_offered_and_not_replaced() -> None:
    query = read("lamb")

    assert (query.text, query.suggestion, query.attested) == ("lamb", "lamp", False)


def test_words_that_nobody_knows_are_named() -> None:
    query = read("asdfghjkl qwertz")

    assert not query.attested
    assert query.values("unmatched") == ("no product has this word",) * 2


def test_a_correction_among_foreign_words_does_not_make_a_match() -> None:
    assert read("jaket wasserdicht").attested
    assert not read("jaket wasserdicht atmungsaktiv").attested


@pytest.mark.parametrize("typed", ["tshirt", "tee shirt", "t-shirt", "rubberduck", "back pack"])
def test_a_compound_is_searched_in_the_form_of_the_catalogue(typed: str) -> None:
    wanted = {"rubberduck": "rubber duck", "back pack": "backpack"}.get(typed, "t-shirt")

    assert wanted in read(typed).search_text


def test_values_of_the_catalogue_are_preferences() -> None:
    query = read("red Marea sneakers size 42")

    assert query.values("colour") == ("red",)
    assert query.values("brand") == ("Maréa",)
    assert query.values("category") == ("Sneakers",)
    assert query.values("size") == ("42",)
    assert query.condition is None


@pytest.mark.parametrize("typed", ["tee shirt", "t shirt", "tshirt", "t-shirt", "T-Shirt"])
def test_a_t_shirt_is_no_shirt_however_it_is_written(typed: str) -> None:
    tops = [{**PRODUCTS[0], "category": name, "title": "plain top"} for name in ("Shirts", "T-Shirts")]

    assert type(READER).of(tops).read(typed).values("category") == ("T-Shirts",)


def test_stock_is_a_bound() -> None:
    assert read("lamp in stock").condition == "(coalesce(in_stock, true))"


def test_an_example_is_searched_by_its_title_and_left_out_itself() -> None:
    query = read("like ab-1003 but cheaper")

    assert query.text == "rain jacket with hood"
    assert query.condition is not None
    assert query.condition.startswith("(product_id <> 'AB-1003' AND price < 120.0) AND (")
    assert query.condition.endswith(f"({category_sql(query.values('category')[0])})")


@pytest.mark.parametrize(("text", "effect"), [("like ab-1003", PREFER), ("like ab-1003 but cheaper", FILTER)])
def test_an_examples_category_is_preferred_or_bounds_cheaper_ones_and_can_be_ignored(
    text: str, effect: str
) -> None:
    (category,) = (part for part in read(text).parts if part.kind == "category")

    assert category.effect == effect
    assert read(text, ignore=[category.name]).values("category") == ()


def test_an_example_without_a_title_leaves_the_words() -> None:
    untitled = type(READER).of([{**PRODUCTS[0], "title": None}])

    assert untitled.read("like ab-1001").text == "like ab-1001"


@pytest.mark.parametrize(
    "title",
    [
        "Night Owl NO-8LCD Security Monitor Without Hood Under 60",
        "Marware Eco-Flip iPad 2 Case Blu",
        "lg tromm wm2688hnm navy blu front load washer",
    ],
)
def test_a_title_is_searched_as_it_is(title: str) -> None:
    query = read(title)

    assert (query.text, query.condition, query.expansions) == (title, None, ())


def test_without_prices_a_bound_is_no_filter() -> None:
    unpriced = type(READER).of([{**row, "price": None} for row in PRODUCTS])

    assert unpriced.read("sneakers under 60").condition is None


def test_a_kind_of_part_that_there_is_not_is_refused_with_the_nearest() -> None:
    with pytest.raises(QueryError, match="did you mean 'spelling'"):
        read("jaket", ignore=("speling",))


@pytest.mark.parametrize("undone", ["spelling", "spelling:sneekers"])
def test_a_part_is_undone_by_its_kind_or_its_name(undone: str) -> None:
    assert "sneekers" in read("blu sneekers under 60", ignore=(undone,)).text


words = st.one_of(
    st.sampled_from([*KNOWN, "jaket", "sneekers", "under 60", "not red", "tshirt", "in stock", "不要红色"]),
    st.text(max_size=8),
)
queries = st.lists(words, min_size=1, max_size=6).map(" ".join).map(str.strip).filter(bool)


@given(queries)
def test_as_typed_restores_the_typed_query(text: str) -> None:
    query = read(text, as_typed=True)

    assert (query.text, query.condition, query.expansions, query.product_ids) == (text, None, (), ())


@given(queries)
def test_ignoring_every_part_restores_the_typed_words(text: str) -> None:
    kinds = ("identifier", "spelling", "synonym", "price", "stock", "without", "like")
    query = read(text, ignore=kinds)

    assert query.text.split() == text.split()
    assert query.condition is None


@given(queries)
def test_the_searched_words_are_read_as_themselves(text: str) -> None:
    once = read(text)
    if not once.condition and not once.product_ids:
        assert read(once.text).text == once.text


@given(st.lists(st.sampled_from(KNOWN), min_size=1, max_size=5).map(" ".join))
def test_words_that_the_catalogue_has_are_never_corrected(text: str) -> None:
    assert not [part for part in read(text).parts if part.kind == SPELLING]


@given(st.from_regex(r"[a-z]{0,4}\d[a-z0-9]{0,6}", fullmatch=True))
def test_numbers_and_codes_are_never_changed(code: str) -> None:
    query = read(f"jaket {code}")

    assert code in query.text.split()
    assert not [part for part in query.parts if part.text == code and part.effect == REWRITE]


def test_a_form_that_the_catalogue_uses_itself_is_not_taken_apart() -> None:
    """Its parts find other things: who types `tshirt` where the shop writes it so wants no shirt."""
    rows = [*PRODUCTS, {**PRODUCTS[3], "product_id": "AB-1009", "title": "tshirt"}]

    assert type(READER).of(rows).read("tshirt").search_text == "tshirt"


def test_a_compound_that_is_rarer_than_its_parts_does_not_outweigh_them() -> None:
    titles = ["track pant", "track pant", "track suit", "pant", "trackpant"]
    rows = [{**PRODUCTS[0], "product_id": f"T-{n}", "title": title} for n, title in enumerate(titles)]

    assert type(READER).of(rows).read("track pant").expansions == ()


@pytest.mark.parametrize("text", ["between 20 and 30", "under 60 euro", "in stock", "not dress"])
def test_a_query_that_is_nothing_but_a_bound_misses_no_word(text: str) -> None:
    query = READER.read(text)

    assert query.attested
    assert query.values(UNMATCHED) == ()
    assert query.condition is not None


def test_beside_a_real_word_its_root_is_searched_and_not_offered() -> None:
    beef = [{"product_id": "1", "title": "Beef of Australia"}]
    query = QueryReader.of(beef, is_english=frozenset(("australian",)).__contains__).read("australian beef")

    assert (query.text, query.expansions, query.suggestion) == ("australian beef", ("australia",), None)


@pytest.mark.parametrize("text", ["the and of", "something for me please"])
def test_words_of_asking_alone_are_words_of_no_product(text: str) -> None:
    assert not READER.read(text).attested
    assert READER.read("in stock").attested
