import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmsearch_dagster.core.errors import QueryError
from mmsearch_dagster.core.retrieval.filters.language import FILTER_COLUMNS, to_where


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("price < 50", "(price < 50.0)"),
        ("PRICE >= -1.5e2", "(price >= -150.0)"),
        ('category = "Shoes"', "(category = 'Shoes')"),
        ("category == 'Shoes'", "(category = 'Shoes')"),
        ('brand <> "A"', "(brand != 'A')"),
        ("in_stock", "(in_stock = true)"),
        ("not in_stock", "(NOT (in_stock = true))"),
        ("in_stock = FALSE", "(in_stock = false)"),
        ("brand in (\"A\", 'B')", "(brand IN ('A', 'B'))"),
        ("price not in (1, 2)", "(price NOT IN (1.0, 2.0))"),
        ("brand is null", "(brand IS NULL)"),
        ("brand IS NOT NULL", "(brand IS NOT NULL)"),
        (
            'category ~ "Clothing > Shoes"',
            "(contains(' > ' || replace(lower(category), ' | ', ' >  |  > ') || ' > ', "
            "lower(' > Clothing > Shoes > ')))",
        ),
        (
            'price < 50 and category = "Shoes" and in_stock',
            "((price < 50.0) AND (category = 'Shoes') AND (in_stock = true))",
        ),
        ("in_stock or price < 1 and price > 0", "((in_stock = true) OR ((price < 1.0) AND (price > 0.0)))"),
        ("(in_stock or price < 1) and price > 0", "(((in_stock = true) OR (price < 1.0)) AND (price > 0.0))"),
        ('title = "红色 👟"', "(title = '红色 👟')"),
        (r'title = "say \"hi\""', "(title = 'say \"hi\"')"),
        ("title = 'it''s'", "(title = 'it''s')"),
        ("title = ''", "(title = '')"),
        ("price ＜ ５０ and （in_stock）", "((price < 50.0) AND (in_stock = true))"),
        ('title = "（＜５）"', "(title = '（＜５）')"),
        (
            'attributes.color = "red"',
            "(array_has(attributes, named_struct('key', 'color', 'value', 'red')))",
        ),
        (
            "attributes.\"it's\" not in ('a')",
            "(NOT coalesce(array_has(attributes, named_struct('key', 'it''s', 'value', 'a')), false))",
        ),
    ],
)
def test_a_filter_becomes_one_condition(text: str, where: str) -> None:
    assert to_where(text) == where


@pytest.mark.parametrize("text", [None, "", "  \n "])
def test_no_filter_is_no_condition(text: str | None) -> None:
    assert to_where(text) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("prise < 50", "did you mean 'price'"),
        ("secret = 1", r"no column 'secret'.*known: .*price"),
        ("price < ", "expected a number at character 8, found the end"),
        ("price < 'a'", "expected a number"),
        ("price < 1e999", "expected a number"),
        ("price ~ 'a'", "'~' does not fit the number column 'price'"),
        ("brand ~ 'a'", "or ~ on 'category'"),
        ("brand < 'a'", "'<' does not fit the text column"),
        ("brand", "after 'brand'"),
        ("brand = 'a", "never closed"),
        ("price < 50; drop table x", "cannot read '; drop table'"),
        ("price < 50 -- x", "cannot read '-- x'"),
        ("price < 50 price", "'and', 'or' or the end"),
        ("(price < 50", r"expected '\)'"),
        ("brand in ()", 'a "text" in quotes'),
        ("price < 5x", "cannot read '5x'"),
        ("()", "expected a column"),
        ("and", "expected a column"),
        ("not " * 60 + "in_stock", "levels"),
        ("(" * 500 + "in_stock" + ")" * 500, "levels"),
        ("in_stock or " * 500 + "in_stock", "shorten"),
        ("price < 30,50", "decimal point"),
        ("price between 10 and 20", "write price >= 10 and price <= 20"),
        ("brand = Aero", 'write "Aero"'),
        ("brand = “Aero”", "straight quotes"),
        ("price < 5 && in_stock", "'and' or 'or'"),
        ('color = "red"', r"written attributes\.color"),
        ('attributes = "red"', r"attributes\.color = "),
        ("attributes.color", "does not fit the attribute 'color'; use =, !=, in, not in"),
        ("attributes.color is null", "'is null' does not fit the attribute"),
        ("attributes.color = red", 'write "red"'),
    ],
)
def test_a_wrong_filter_says_what_and_where(text: str, message: str) -> None:
    with pytest.raises(QueryError, match=message):
        to_where(text)


@given(st.text(max_size=80))
def test_any_input_is_a_condition_or_a_query_error(text: str) -> None:
    try:
        where = to_where(text)
    except QueryError:
        return
    assert where is None or where.startswith("(")


@given(column=st.sampled_from(sorted(FILTER_COLUMNS)), value=st.text(max_size=40))
def test_a_text_cannot_leave_its_quotes(column: str, value: str) -> None:
    quoted = '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if FILTER_COLUMNS[column] != "text":
        with pytest.raises(QueryError):
            to_where(f"{column} = {quoted}")
        return
    composed = unicodedata.normalize("NFC", value).replace("'", "''")
    assert to_where(f"{column} = {quoted}") == f"({column} = '{composed}')"


def test_a_letter_of_two_characters_is_the_letter_that_the_catalogue_stores() -> None:
    assert to_where('brand = "Cafe\u0301"') == to_where('brand = "Caf\u00e9"') == "(brand = 'Caf\u00e9')"
