"""What a `.database` file may say."""

import pytest

from mmsearch_dagster.adapters.databases.database_query import kind_of, parse_database_query
from mmsearch_dagster.core.errors import SourceError


def test_a_table_or_a_query_is_a_statement_and_a_watermark_restricts_it() -> None:
    table = parse_database_query("connection: DB\ntable: public.products\n", "f")
    query = parse_database_query(
        "connection: DB\nquery: SELECT * FROM p;\nwatermark: changed\nkey: id\n", "f"
    )

    assert table.sql() == "SELECT * FROM public.products"
    assert (
        query.sql("'2026-01-01'")
        == "SELECT * FROM (SELECT * FROM p) AS changed WHERE changed >= '2026-01-01'"
    )


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("connection: DB", "give one of: table, query, collection"),
        ("connection: DB\ntable: a\nquery: b", "give one of"),
        ("connection: DB\ntable: a; drop table b", "no plain name"),
        ("connection: DB\ntable: a\nwatermark: c", "belong together"),
        ("connection: DB\ntable: a\nwatermark: c or 1\nkey: id", "no plain name of a column"),
        ("connection: DB\ntabel: a", "did you mean 'table'"),
        ("- a", "write `connection:`"),
    ],
)
def test_anything_else_is_refused_in_one_sentence(text: str, why: str) -> None:
    with pytest.raises(SourceError, match=why):
        parse_database_query(text, "products.database")


@pytest.mark.parametrize(
    "text",
    [
        "connection: postgresql://shop:s3cret@db/shop\ntable: a",
        "connection: {postgresql://shop:s3cret@db/shop\ntable: a",
        "postgresql://shop:s3cret@db/shop",
        "connection: DB\ntable: a\npassword: s3cret",
    ],
)
def test_a_password_that_was_written_there_is_not_repeated(text: str) -> None:
    with pytest.raises(SourceError) as caught:
        parse_database_query(text, "products.database")

    assert "s3cret" not in str(caught.value)


def test_a_database_is_known_by_its_scheme() -> None:
    assert [kind_of(f"{scheme}://a/b") for scheme in ("postgresql", "mariadb", "mongodb+srv", "oracle")] == [
        *("sql", "sql", "mongodb"),
        None,
    ]
