"""Tables of real databases as files of the home, whole and by what changed."""

from pathlib import Path

import polars as pl
import pytest

from mmsearch_dagster.adapters.databases.copies import check_query, copy_of, refresh_copy
from mmsearch_dagster.adapters.databases.lost_connection import lost_connection
from mmsearch_dagster.core.errors import SourceError, may_pass
from tests.adapters.databases.conftest import PASSWORD, execute

VARIABLE = "SHOP_DATABASE"
_CREATE = (
    "DROP TABLE IF EXISTS products",
    "CREATE TABLE products (id INTEGER, name VARCHAR(80), price DECIMAL(10, 2), stock INTEGER, "
    "changed TIMESTAMP)",
    "INSERT INTO products VALUES (1, 'Kleid, blau', 1299.90, 3, '2026-11-01 10:00:00'), "
    "(2, 'Чайник', NULL, 0, '2026-11-01 10:00:00'), (3, NULL, 5.00, 1, '2026-11-02 08:30:00')",
)


@pytest.fixture(params=["postgres", "mariadb"])
def address(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Of a database with three products; the environment holds it."""
    found: str = request.getfixturevalue(request.param)
    execute(found, _CREATE)
    monkeypatch.setenv(VARIABLE, found)
    return found


def database(folder: Path, text: str) -> Path:
    file = folder / "products.database"
    file.write_text(f"connection: {VARIABLE}\n{text}\n", encoding="utf-8")
    return file


def rows(copy: Path) -> list[dict]:
    return pl.read_parquet(copy).sort("id").to_dicts()


@pytest.mark.slow
def test_a_table_is_copied_with_its_types(address: str, tmp_path: Path) -> None:
    copy = refresh_copy(database(tmp_path, "table: products"), tmp_path / "home")

    found = rows(copy)
    assert [row["name"] for row in found] == ["Kleid, blau", "Чайник", None]
    assert [row["price"] for row in found] == [1299.9, None, 5.0]
    assert [row["stock"] for row in found] == [3, 0, 1]
    assert found[2]["changed"].isoformat() == "2026-11-02T08:30:00"


@pytest.mark.slow
def test_a_query_chooses_rows_and_names_columns(address: str, tmp_path: Path) -> None:
    query = "query: SELECT id, name AS title FROM products WHERE stock > 0 ORDER BY id;"

    copy = refresh_copy(database(tmp_path, query), tmp_path / "home")

    assert rows(copy) == [{"id": 1, "title": "Kleid, blau"}, {"id": 3, "title": None}]


@pytest.mark.slow
def test_an_empty_result_has_columns_and_no_rows(address: str, tmp_path: Path) -> None:
    copy = refresh_copy(
        database(tmp_path, "query: SELECT id, name FROM products WHERE id > 9"), tmp_path / "home"
    )

    assert pl.read_parquet(copy).columns == ["id", "name"]
    assert pl.read_parquet(copy).is_empty()


@pytest.mark.slow
def test_with_a_watermark_a_second_reading_asks_only_for_what_changed(address: str, tmp_path: Path) -> None:
    file = database(tmp_path, "table: products\nwatermark: changed\nkey: id")
    refresh_copy(file, tmp_path / "home")
    execute(
        address,
        [
            "UPDATE products SET price = 1.5, changed = '2026-11-03 09:00:00' WHERE id = 1",
            "UPDATE products SET price = 77 WHERE id = 2",  # without a new watermark: nobody can know
            "INSERT INTO products VALUES (4, 'new', 2.00, 1, '2026-11-03 09:00:01')",
        ],
    )

    found = {row["id"]: row["price"] for row in rows(refresh_copy(file, tmp_path / "home"))}

    assert found == {1: 1.5, 2: None, 3: 5.0, 4: 2.0}


@pytest.mark.slow
def test_many_rows_come_in_chunks_and_none_twice(address: str, tmp_path: Path) -> None:
    digits = "(SELECT 0 n UNION SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5 UNION "
    digits += "SELECT 6 UNION SELECT 7 UNION SELECT 8 UNION SELECT 9)"
    powers = " + ".join(f"d{power}.n * {10**power}" for power in range(5))
    joined = ", ".join(f"{digits} d{power}" for power in range(5))
    query = f"query: SELECT {powers} AS id FROM {joined}"

    copy = refresh_copy(database(tmp_path, query), tmp_path / "home")

    ids = pl.read_parquet(copy)["id"]
    assert ids.len() == ids.n_unique() == 100_000


@pytest.mark.slow
def test_a_refused_query_says_why_and_keeps_the_password_and_the_earlier_copy(
    address: str, tmp_path: Path
) -> None:
    good = database(tmp_path, "table: products")
    copy = refresh_copy(good, tmp_path / "home")
    execute(address, ["DROP TABLE products"])

    with pytest.raises(SourceError, match="does not give these rows") as caught:
        refresh_copy(good, tmp_path / "home")

    assert "products" in str(caught.value)
    assert not may_pass(caught.value)
    assert PASSWORD not in str(caught.value)
    assert caught.value.__cause__ is None, "a traceback would hold the address"
    assert len(rows(copy)) == 3
    everything = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
    assert PASSWORD.encode() not in everything


def test_a_host_where_nobody_answers_is_named_at_once_and_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("connectorx")
    monkeypatch.setenv(VARIABLE, f"postgresql://shop:{PASSWORD}@127.0.0.1:9/shop")

    with pytest.raises(SourceError, match="cannot be reached: Connection refused") as caught:
        refresh_copy(database(tmp_path, "table: products"), tmp_path / "home")

    assert PASSWORD not in str(caught.value)
    assert may_pass(caught.value)


@pytest.mark.parametrize(
    ("message", "passes"),
    [
        ("timed out waiting for connection: error connecting to server: Connection refused", True),
        ("db error: FATAL: the database system is starting up", True),
        ("MySqlError { ERROR 1040 (08004): Too many connections }", True),
        ("timed out waiting for connection: db error: FATAL: password authentication failed", False),
        ("MySqlError { ERROR 1045 (28000): Access denied for user (using password: YES) }", False),
        ('db error: ERROR: relation "things" does not exist', False),
        ("MySqlError { ERROR 1146 (42S02): Table 'things' doesn't exist }", False),
    ],
)
def test_what_a_database_says_of_itself_may_pass_and_a_refusal_does_not(message: str, passes: bool) -> None:
    assert (lost_connection(message) is not None) == passes


def test_without_its_variable_or_with_another_database_the_file_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = database(tmp_path, "table: products")
    with pytest.raises(SourceError, match="SHOP_DATABASE is not set"):
        check_query(file)
    monkeypatch.setenv(VARIABLE, f"oracle://shop:{PASSWORD}@db/shop")
    with pytest.raises(SourceError, match="begins with none of postgresql://") as caught:
        check_query(file)
    assert PASSWORD not in str(caught.value)
    monkeypatch.setenv(VARIABLE, "mongodb://db/shop")
    with pytest.raises(SourceError, match="write `collection:`"):
        check_query(file)


def test_another_query_has_another_copy(tmp_path: Path) -> None:
    first = copy_of(database(tmp_path, "table: products"), tmp_path)
    second = copy_of(database(tmp_path, "table: items"), tmp_path)

    assert first != second
    assert first.suffix == ".parquet"
    assert copy_of(database(tmp_path, "collection: products"), tmp_path).suffix == ".ndjson"
