"""Snapshots appear whole or not at all, and are made once."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from mmsearch_dagster.adapters.lake.snapshots import Lake, write_atomically
from mmsearch_dagster.core.errors import MmsearchError


class KilledError(Exception):
    """Stands for whatever ends a run in the middle."""


def maker(text: str, calls: list[str]) -> Any:
    def make(folder: Path) -> Mapping[str, Any]:
        calls.append(text)
        (folder / "content.txt").write_text(text, encoding="utf-8")
        return {"said": text}

    return make


def refuse(folder: Path) -> Mapping[str, Any]:
    raise AssertionError("made a second time")


def test_a_snapshot_is_made_once_and_then_found(tmp_path: Path) -> None:
    lake, calls = Lake(tmp_path / "湖"), []
    made, now = lake.obtain("a", "d1", maker("家", calls))
    found, again = lake.obtain("a", "d1", refuse)
    assert (now, again, calls) == (True, False, ["家"])
    assert found == made == lake.find("a", "d1")
    assert (found.folder / "content.txt").read_text(encoding="utf-8") == "家"
    assert dict(found.facts) == {"said": "家", "made_from": {}}


def test_current_moves_to_what_was_obtained_last_even_when_it_is_old(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    for digest in ("d1", "d2"):
        lake.obtain("a", digest, maker(digest, []))
        assert lake.current("a").digest == digest
    lake.obtain("a", "d1", refuse)
    assert lake.current("a").digest == "d1"
    assert lake.find("a", "d2") is not None


def test_assets_do_not_see_each_other(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    lake.obtain("a", "d", maker("x", []))
    assert lake.find("b", "d") is None
    with pytest.raises(MmsearchError, match="'b' has no snapshot"):
        lake.current("b")


def test_while_it_is_made_and_after_a_kill_a_snapshot_is_not_seen(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    lake.obtain("a", "old", maker("old", []))

    def half(folder: Path) -> Mapping[str, Any]:
        (folder / "content.txt").write_text("ha", encoding="utf-8")
        assert lake.find("a", "new") is None
        assert lake.current("a").digest == "old"
        raise KilledError

    with pytest.raises(KilledError):
        lake.obtain("a", "new", half)
    assert lake.find("a", "new") is None
    assert lake.current("a").digest == "old"
    assert lake.obtain("a", "new", maker("new", []))[1]


def test_leftovers_of_a_killed_run_are_swept_by_the_next(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    with pytest.raises(ZeroDivisionError):
        lake.obtain("a", "d", lambda folder: {"x": 1 / 0})
    assert list((tmp_path / "a").glob(".part-*"))
    lake.obtain("a", "d", maker("x", []))
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == ["CURRENT", "d"]


def test_what_another_living_process_is_making_is_left_alone(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    other = tmp_path / "a" / f".part-{os.getppid()}-0"
    other.mkdir(parents=True)
    lake.obtain("a", "d", maker("x", []))
    assert other.is_dir()


def test_a_process_that_was_faster_wins(tmp_path: Path) -> None:
    lake = Lake(tmp_path)

    def slow(folder: Path) -> dict[str, str]:
        folder.with_name("d").mkdir()
        folder.with_name("d").joinpath("facts.json").write_text('{"said": "fast"}', encoding="utf-8")
        return {"said": "slow"}

    snapshot, _ = lake.obtain("a", "d", slow)
    assert snapshot.facts == {"said": "fast"}
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == ["CURRENT", "d"]


@pytest.mark.parametrize("pointer", ["", "gone", " \n"])
def test_a_pointer_to_nothing_says_what_to_do(pointer: str, tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    lake.obtain("a", "d", maker("x", []))
    (tmp_path / "a" / "CURRENT").write_text(pointer, encoding="utf-8")
    with pytest.raises(MmsearchError, match="materialise it first"):
        lake.current("a")


def test_a_table_comes_back_with_its_types_and_its_number_of_rows(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {"name": ["家", None], "values": [[1.5], []]}, schema_overrides={"values": pl.List(pl.Float32)}
    )
    lake = Lake(tmp_path)
    snapshot, made = lake.obtain_table("t", "d", lambda: (frame, {"source": "here"}))
    assert made
    assert snapshot.table().equals(frame)
    assert snapshot.table().schema == frame.schema
    assert dict(lake.current("t").facts) == {"rows": 2, "source": "here", "made_from": {}}


def test_a_file_is_replaced_whole_or_left_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "deep" / "file"
    write_atomically(file, b"old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space left"):
            write_atomically(file, b"new")
    assert file.read_bytes() == b"old"
    write_atomically(file, b"new")
    assert file.read_bytes() == b"new"
