"""Tables on an object store or a web server: copied into the home by each run, read like files.

The stores' drivers are outside (s3fs, gcsfs); fsspec's file system in memory stands in for them.
"""

import io
from collections.abc import Iterator
from pathlib import Path

import fsspec
import polars as pl
import pytest
import yaml
from fsspec.implementations.memory import MemoryFileSystem

from mmsearch_dagster.adapters.sources import Source, load_source, read_table
from mmsearch_dagster.core.errors import SourceError
from tests.adapters.remote_files.conftest import Misbehaving, server  # noqa: F401


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[MemoryFileSystem]:
    store = MemoryFileSystem()
    monkeypatch.setattr(fsspec, "filesystem", lambda scheme: store)
    monkeypatch.setattr(MemoryFileSystem, "protocol", ("s3", "gs", "memory"))
    yield store
    MemoryFileSystem.store.clear()


def mapping(folder: Path, path: str, **more: object) -> Path:
    source = {
        "catalogue": "shop",
        "tables": {"products": {"path": path, **more}},
        "media": {"allow_private": True},
    }
    (folder / "source.yaml").write_text(yaml.safe_dump(source), encoding="utf-8")
    return folder / "source.yaml"


def parquet(**columns: list) -> bytes:
    buffer = io.BytesIO()
    pl.DataFrame(columns).write_parquet(buffer)
    return buffer.getvalue()


def titles(source: Source) -> list[str]:
    return read_table(source, "products", lambda ids: ids).frame["title"].to_list()


@pytest.mark.parametrize("address", ["s3://shop/exports/p.parquet", "gs://shop/exports/p.parquet"])
def test_a_table_of_a_store_is_read_and_each_run_reads_it_anew(
    bucket: MemoryFileSystem, tmp_path: Path, address: str
) -> None:
    bucket.pipe(address, parquet(product_id=[1, 2], title=["Mug", "Hat"]))
    source = load_source(mapping(tmp_path, address), copies=tmp_path / "home")
    assert titles(source) == ["Mug", "Hat"]
    bucket.pipe(address, parquet(product_id=[1], title=["Cup"]))
    assert titles(source) == ["Mug", "Hat"], "the copy"
    source.renew("products")
    assert titles(source) == ["Cup"]


def test_a_csv_of_a_store_may_be_joined(bucket: MemoryFileSystem, tmp_path: Path) -> None:
    bucket.pipe("s3://shop/stock.csv", b"product_id,qty\n1,0\n2,4\n")
    (tmp_path / "p.csv").write_text("product_id,title\n1,Mug\n2,Hat\n")
    more = {
        "joins": [{"path": "s3://shop/stock.csv", "name": "stock", "key": "product_id"}],
        "columns": {"product_id": "product_id", "title": "title", "in_stock": "stock.qty"},
    }
    source = load_source(mapping(tmp_path, "p.csv", **more), copies=tmp_path / "home")
    assert read_table(source, "products", lambda ids: ids).frame["in_stock"].to_list() == [False, True]


def test_what_is_not_there_or_is_not_what_it_is_called_is_said(
    bucket: MemoryFileSystem, tmp_path: Path
) -> None:
    with pytest.raises(
        SourceError, match=r"s3://shop/p.parquet: cannot be fetched \(there is no such object"
    ):
        load_source(mapping(tmp_path, "s3://shop/p.parquet"), copies=tmp_path / "home")
    bucket.pipe("s3://shop/p.parquet", b"product_id,title\n")
    with pytest.raises(SourceError, match="is not a Parquet file"):
        load_source(mapping(tmp_path, "s3://shop/p.parquet"), copies=tmp_path / "home")


def test_a_file_at_a_web_address_is_a_table_too(server: Misbehaving, tmp_path: Path) -> None:  # noqa: F811
    server.contents["/p.csv"] = b"product_id,title\n1,Mug\n"
    source = load_source(mapping(tmp_path, server.address("/p.csv")), copies=tmp_path / "home")
    assert titles(source) == ["Mug"]


def test_before_a_run_nothing_is_fetched(tmp_path: Path) -> None:
    assert load_source(mapping(tmp_path, "s3://shop/p.parquet")).catalogue == "shop"
