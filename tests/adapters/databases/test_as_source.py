"""A database feeds a contract table as a file does."""

from pathlib import Path

import pytest
import yaml

from mmsearch_dagster.adapters.sources.reading import read_table
from mmsearch_dagster.adapters.sources.source import load_source
from mmsearch_dagster.core.errors import SourceError
from tests.adapters.databases.conftest import PASSWORD, execute

_TABLE = (
    "DROP TABLE IF EXISTS things",
    "CREATE TABLE things (id INTEGER, name VARCHAR(80), eur DECIMAL(10, 2))",
    "INSERT INTO things VALUES (1, 'Kite', 19.90), (2, 'Mug', 5.00)",
)


def shop(folder: Path) -> Path:
    (folder / "products.database").write_text("connection: SHOP_DATABASE\ntable: things\n", encoding="utf-8")
    columns = {"product_id": "id", "title": "name", "price": "eur"}
    source = {"catalogue": "shop", "tables": {"products": {"path": "products.database", "columns": columns}}}
    (folder / "source.yaml").write_text(yaml.safe_dump(source), encoding="utf-8")
    return folder / "source.yaml"


@pytest.mark.slow
def test_rows_of_a_database_are_products_and_read_anew_by_each_run(
    postgres: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_DATABASE", postgres)
    execute(postgres, _TABLE)
    source = load_source(shop(tmp_path), copies=tmp_path / "home")

    def prices() -> dict[str, float]:
        frame = read_table(source, "products", lambda ids: ids).frame
        return dict(frame.select("product_id", "price").iter_rows())

    assert prices() == {"1": 19.9, "2": 5.0}
    execute(postgres, ["UPDATE things SET eur = 4.5 WHERE id = 2", "DELETE FROM things WHERE id = 1"])
    source.renew("products")
    assert prices() == {"2": 4.5}
    everything = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
    assert PASSWORD.encode() not in everything


@pytest.mark.slow
def test_a_column_that_the_table_does_not_have_is_named(
    postgres: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_DATABASE", postgres)
    execute(postgres, [*_TABLE, "ALTER TABLE things RENAME COLUMN eur TO euro"])

    with pytest.raises(SourceError, match=r"no column 'eur'.*euro"):
        load_source(shop(tmp_path), copies=tmp_path / "home")


def test_before_a_run_only_the_file_and_the_environment_are_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = shop(tmp_path)
    with pytest.raises(SourceError, match="SHOP_DATABASE is not set"):
        load_source(source)

    monkeypatch.setenv("SHOP_DATABASE", f"postgresql://shop:{PASSWORD}@127.0.0.1:9/shop")

    assert load_source(source).catalogue == "shop"
