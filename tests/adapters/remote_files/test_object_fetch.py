"""Objects of a store: the drivers are outside; fsspec's own file system in memory stands in for one."""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from mmsearch_dagster.adapters.remote_files.fetch_all import Outcome, fetch_all
from mmsearch_dagster.adapters.remote_files.media_cache import MediaCache
from mmsearch_dagster.core.catalog.mapping.remote_media import RemoteMedia
from mmsearch_dagster.core.progress import Silent

MEDIA = RemoteMedia(hosts=("gs://pictures",), max_megabytes=0.001, recheck_hours=0)


class Store(MemoryFileSystem):
    """gs://, with an ETag per object as stores have."""

    protocol = "gs"
    store: dict = {}
    pseudo_dirs = [""]
    cachable = False

    def info(self, path: str, **named: object) -> dict:
        facts = super().info(self._strip_protocol(path), **named)
        return {**facts, "etag": str(len(self.cat(path)))}


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    store = Store()
    monkeypatch.setattr(fsspec, "filesystem", lambda scheme: store)
    store.pipe("gs://pictures/a.png", b"picture")
    store.pipe("gs://pictures/big.png", b"p" * 2_000)
    yield store
    Store.store.clear()


def fetch(folder: Path, address: str) -> Outcome:
    [outcome] = fetch_all([address], MEDIA, MediaCache(folder), Silent())
    return outcome


def test_an_object_is_fetched_and_read_again_only_when_it_changed(bucket: Store, tmp_path: Path) -> None:
    first, second = (fetch(tmp_path, "gs://pictures/a.png") for _ in range(2))
    bucket.pipe("gs://pictures/a.png", b"another picture")
    third = fetch(tmp_path, "gs://pictures/a.png")

    assert [outcome.state for outcome in (first, second, third)] == ["fetched", "unchanged", "fetched"]
    assert third.sha256 is not None
    assert MediaCache(tmp_path).path(third.sha256).read_bytes() == b"another picture"


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("gs://pictures/b.png", "no such object"),
        ("gs://pictures/big.png", "larger than 0.001 MB"),
        ("gs://other/a.png", "gs://other is not among media.hosts"),
    ],
)
def test_what_is_not_there_too_large_or_of_another_bucket_is_missing(
    bucket: Store, tmp_path: Path, address: str, reason: str
) -> None:
    outcome = fetch(tmp_path, address)

    assert outcome.state == "missing"
    assert reason in (outcome.reason or "")


@pytest.mark.skipif(find_spec("s3fs") is not None, reason="the driver of s3:// is installed here")
def test_a_store_without_its_driver_names_the_extra(tmp_path: Path) -> None:
    media = RemoteMedia(hosts=("s3://pictures",))

    [outcome] = fetch_all(["s3://pictures/a.png"], media, MediaCache(tmp_path), Silent())

    assert "mmsearch-dagster[object-stores]" in (outcome.reason or "")
