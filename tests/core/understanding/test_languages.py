"""Shops that are written in German, French or another language of Europe, and how people ask in them."""

from typing import Any

import pytest

from mmsearch_dagster.core.understanding.languages import languages_of
from mmsearch_dagster.core.understanding.reading import QueryReader
from mmsearch_dagster.core.understanding.understood import EXPAND, PRICE, STOCK, SYNONYM, UNMATCHED, WITHOUT
from tests.core.understanding.shop import reader as english_reader


def shop(*titles: str, category: str = "") -> QueryReader:
    rows: list[dict[str, Any]] = [
        {"product_id": f"A{number}", "title": title, "category": category, "price": 9.0, "in_stock": True}
        for number, title in enumerate(titles)
    ]
    return QueryReader.of(rows)


GERMAN = shop(
    *(
        "Apfelsaft ohne Zucker",
        "Orangensaft mit Zucker",
        "Tee mit Minze und Honig",
        "Hübner Creme für die Haut",
    ),
    *("Schuhe aus Leder", "Brotkorb", "Bauernbrot mit Saaten"),
)
FRENCH = shop(
    *("Aloe vera avec pot", "Plante pour le salon", "Cactus sans épines", "Une plante et un vase noir"),
    category="Plante d'intérieur",
)
ENGLISH = english_reader()


def parts(reader: QueryReader, text: str, kind: str) -> list[str]:
    return list(reader.read(text).values(kind))


def condition(reader: QueryReader, text: str) -> str | None:
    return reader.read(text).condition


def test_the_language_of_a_catalogue_is_told_by_its_small_words() -> None:
    assert (GERMAN.vocabulary.languages, FRENCH.vocabulary.languages) == (("de",), ("fr",))
    assert ENGLISH.vocabulary.languages == ()
    assert languages_of({"une": 3, "eau": 9, "mit": 2, "de": 50}, 60) == (), "names are no language"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Schuhe unter 20 €", "price < 20.0"),
        ("schuhe bis 20 euro", "price <= 20.0"),
        ("zwischen 20 und 30 Euro", "price >= 20.0 AND price <= 30.0"),
        ("Schuhe ab 1.299,00 €", "price >= 1299.0"),
        ("plantes à moins de 50 euros", "price < 50.0"),
        ("plante jusqu'à 40 €", "price <= 40.0"),
        ("entre 30 et 60 €", "price >= 30.0 AND price <= 60.0"),
        ("zapatos menos de 20 euros", "price < 20.0"),
        ("scarpe fino a 20 euro", "price <= 20.0"),
        ("schoenen onder de 20 euro", "price < 20.0"),
        ("sapatos até 20 euros", "price <= 20.0"),
    ],
)
def test_a_bound_with_its_currency_is_read_in_every_shop(text: str, expected: str) -> None:
    for reader in (ENGLISH, GERMAN):
        assert condition(reader, text) == f"({expected})"


def test_a_bound_without_its_currency_is_read_in_the_language_of_the_shop() -> None:
    assert condition(GERMAN, "schuhe unter 30") == "(price < 30.0)"
    assert condition(ENGLISH, "schuhe unter 30") is None
    assert condition(GERMAN, "schuhe unter 30 cm") is None, "it counts something else"


def test_nouns_with_capitals_make_no_title_in_german() -> None:
    assert parts(GERMAN, "Schuhe für die Haut unter 30", PRICE) == ["under 30"]
    assert condition(ENGLISH, "Running Shoes For Men Under 50 Dollars") == "(price < 50.0)"


@pytest.mark.parametrize(
    ("reader", "text", "denied"),
    [
        (GERMAN, "saft ohne zucker", "ohne zucker"),
        (GERMAN, "tee nicht mit honig", None),
        (GERMAN, "brot nicht zu teuer", None),
        (FRENCH, "plante sans pot", "sans pot"),
        (FRENCH, "pot pas noir", "pas noir"),
        (FRENCH, "pot pas cher", None),
        (ENGLISH, "sin dress", None),
    ],
)
def test_what_is_not_wanted_is_read_in_the_language_of_the_shop(
    reader: QueryReader, text: str, denied: str | None
) -> None:
    assert parts(reader, text, WITHOUT) == ([denied] if denied else [])


def test_words_of_stock_and_of_a_low_price() -> None:
    assert parts(FRENCH, "plante en stock", STOCK) == ["in stock"]
    assert parts(GERMAN, "Tee auf Lager", STOCK) == ["in stock"]
    assert parts(GERMAN, "günstige Schuhe", PRICE) == parts(FRENCH, "plante pas chère", PRICE) == ["low"]


def test_small_words_of_the_language_are_not_missed() -> None:
    assert parts(GERMAN, "ich suche schuhe für den saft", UNMATCHED) == []
    assert "ich" in [part.text for part in ENGLISH.read("ich suche sneakers").parts]


def test_a_word_is_found_within_german_compounds() -> None:
    juice, bread = GERMAN.read("saft"), GERMAN.read("brot")

    assert (juice.expansions, juice.attested) == (("apfelsaft", "orangensaft"), True)
    assert juice.parts[0].effect == EXPAND
    assert bread.expansions == ("bauernbrot", "brotkorb"), "no product has the word itself"
    assert GERMAN.read("saft", ignore=[SYNONYM]).expansions == ()
    assert ENGLISH.read("shirt").expansions == (), "English writes them apart"


@pytest.mark.parametrize(
    ("typed", "searched"), [("huebner creme", "hubner creme"), ("Hübner Creme", "Hübner Creme")]
)
def test_an_umlaut_may_be_written_out(typed: str, searched: str) -> None:
    assert GERMAN.read(typed).text == searched


def test_a_number_and_its_unit_may_be_written_together() -> None:
    reader = shop("Cream 50 ml", "Omega 3 capsules", "Mug 300ml")

    assert reader.read("cream 50ml").text == "cream 50 ml"
    assert reader.read("omega3").text == "omega 3"
    assert reader.read("mug 300ml").text == "mug 300ml", "as the catalogue writes it"


def test_a_number_and_its_letters_may_be_written_apart() -> None:
    reader = shop("Lamp IP65 3000K", "Lamp E27")

    for typed, searched in (("ip 65 lamp", "ip65 lamp"), ("3000 K", "3000k"), ("lamp E 27", "lamp e27")):
        query = reader.read(typed)
        assert (query.text, query.attested, query.values(UNMATCHED)) == (searched, True, ())


def test_numbers_and_units_alone_are_no_values() -> None:
    rows = [{"product_id": "1", "title": "Apples", "attributes": [{"key": "unit", "value": "kg"}]}]
    rows += [{"product_id": "2", "title": "Card", "attributes": [{"key": "Title", "value": "50"}]}]

    assert QueryReader.of(rows).read("apples 50 kg").parts == ()


@pytest.mark.parametrize("typed", ["haselnuß", "haselnuss", "Haselnüsse"])
def test_a_sharp_s_may_be_written_as_two(typed: str) -> None:
    nuts = shop("Haselnuss mit Honig", "Haselnüsse ohne Salz und Zucker", "Nussmus aus Mandeln")

    assert parts(nuts, typed, UNMATCHED) == []


def test_what_is_part_of_a_compound_is_no_slip() -> None:
    milk = shop("Kokosmilch mit Vanille", "Creme für mich und dich", "Saft ohne Zucker")

    assert milk.read("milch").suggestion is None


def test_an_elided_word_may_be_left_out() -> None:
    for typed in ("plante d'intérieur", "plante interieur", "Plante d’intérieur"):
        assert parts(FRENCH, typed, "category") == ["Plante d'intérieur"]


def test_an_example_is_named_in_other_languages_too() -> None:
    assert condition(GERMAN, "wie A2 aber billiger") == condition(GERMAN, "like A2 but cheaper")
