"""Digests of large files: read once, again when the file is another one."""

import json
import os
import time
from pathlib import Path

import pytest

from mmsearch_dagster.adapters.models import file_digests
from mmsearch_dagster.adapters.models.file_digests import FileDigests
from mmsearch_dagster.core.digest import sha256_text


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that was written a while ago, as the clock of this test says."""
    path = tmp_path / "weights.bin"
    path.write_text("first")
    later = time.time_ns() + 60_000_000_000
    monkeypatch.setattr(file_digests.time, "time_ns", lambda: later)
    return path


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files whose bytes were read, by processes that each begin with nothing in memory."""
    paths: list[Path] = []
    read = file_digests._sha256_of.__wrapped__

    def noted(path: Path, version: file_digests._Version) -> str:
        paths.append(path)
        return read(path, version)

    monkeypatch.setattr(file_digests, "_sha256_of", noted)
    return paths


def test_a_file_is_read_once(weights: Path, hashed: list[Path]) -> None:
    digests = [FileDigests(weights.parent).sha256(weights) for _ in range(3)]

    assert digests == [sha256_text("first")] * 3
    assert hashed == [weights]


def test_without_a_folder_each_process_reads_it(weights: Path, hashed: list[Path]) -> None:
    for folder in (None, weights.parent / "not there"):
        assert FileDigests(folder).sha256(weights) == sha256_text("first")

    assert len(hashed) == 2


def test_other_bytes_of_the_same_length_and_time_are_read(weights: Path) -> None:
    digests, before = FileDigests(weights.parent), weights.stat()
    digests.sha256(weights)

    weights.write_text("other")
    os.utime(weights, ns=(before.st_atime_ns, before.st_mtime_ns))

    assert weights.stat().st_mtime_ns == before.st_mtime_ns
    assert digests.sha256(weights) == sha256_text("other")


def test_a_file_just_written_is_not_kept(tmp_path: Path) -> None:
    path = tmp_path / "weights.bin"
    path.write_text("first")

    FileDigests(tmp_path).sha256(path)

    assert [file.name for file in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("damage", ["", "[]", "{", '{"a": 1}', "null"])
def test_a_damaged_store_is_written_anew(weights: Path, hashed: list[Path], damage: str) -> None:
    store = weights.parent / "digests.json"
    store.write_text(damage)

    for _ in range(2):
        assert FileDigests(weights.parent).sha256(weights) == sha256_text("first")

    assert hashed == [weights]
    assert json.loads(store.read_text())[str(weights)][-1] == sha256_text("first")
