"""Nothing is encoded twice, nothing half written is read, whatever happens in between."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmsearch_dagster.adapters.feature_store import feature_store
from mmsearch_dagster.adapters.feature_store.feature_store import (
    FeatureRead,
    FeatureStore,
    file_content,
    text_content,
)
from mmsearch_dagster.core.encoders.protocol import Content, Encoder
from mmsearch_dagster.core.errors import MmsearchError
from mmsearch_dagster.core.progress import Silent
from tests.fakes.encoders import FakeEncoder
from tests.watchers import Recorded


def obtain(root: Path, encoder: FakeEncoder, contents: Sequence[Content]) -> FeatureRead:
    return FeatureStore(root).obtain(encoder.identity, contents, lambda: encoder, Silent(), "text")


def never() -> Encoder:
    raise AssertionError("the encoder was loaded although nothing is missing")


def shards(root: Path) -> list[Path]:
    return sorted(root.glob("*/shard-*.parquet"))


def texts(count: int, start: int = 0) -> list[Content]:
    return [text_content(f"product {n} 商品") for n in range(start, start + count)]


def test_vectors_are_the_encoders_own(tmp_path: Path) -> None:
    encoder = FakeEncoder("text")
    read = obtain(tmp_path, encoder, [text_content("red shoe"), text_content("blue cup")])
    assert read.vectors[text_content("red shoe").key].tolist() == encoder.vector(b"red shoe").tolist()
    assert (read.encoded, read.reused, dict(read.failures)) == (2, 0, {})


def test_a_second_run_loads_no_encoder_and_reads_the_same_vectors(tmp_path: Path) -> None:
    encoder = FakeEncoder("text")
    first = obtain(tmp_path, encoder, texts(30))
    second = FeatureStore(tmp_path).obtain(encoder.identity, texts(30), never, Silent(), "text")
    assert (second.encoded, second.reused) == (0, 30)
    assert {k: v.tolist() for k, v in second.vectors.items()} == {
        k: v.tolist() for k, v in first.vectors.items()
    }
    assert next(iter(second.vectors.values())).dtype == np.float32


def test_a_changed_catalogue_costs_what_changed(tmp_path: Path) -> None:
    obtain(tmp_path, FakeEncoder("text"), texts(100))
    encoder = FakeEncoder("text")
    read = obtain(tmp_path, encoder, [*texts(99), text_content("new")])
    assert encoder.encoded == [text_content("new").key]
    assert (read.encoded, read.reused, len(read.vectors)) == (1, 99, 100)


def test_another_fingerprint_shares_nothing(tmp_path: Path) -> None:
    obtain(tmp_path, FakeEncoder("text"), texts(3))
    assert obtain(tmp_path, FakeEncoder("text", version="2"), texts(3)).encoded == 3


def test_broken_content_is_remembered_with_its_reason(tmp_path: Path) -> None:
    encoder = FakeEncoder("image")
    first = obtain(tmp_path, encoder, [text_content("broken a"), text_content("fine")])
    again = FeatureStore(tmp_path).obtain(
        encoder.identity, [text_content("broken a"), text_content("fine")], never, Silent(), "image"
    )
    assert first.failures == again.failures == {text_content("broken a").key: "broken content"}
    assert (again.encoded, again.reused) == (0, 2)


def test_a_catalogue_of_nothing_but_broken_content_is_remembered_too(tmp_path: Path) -> None:
    encoder = FakeEncoder("image")
    contents = [text_content(f"broken {n}") for n in range(5)]
    obtain(tmp_path, encoder, contents)
    assert len(FeatureStore(tmp_path).obtain(encoder.identity, contents, never, Silent(), "i").failures) == 5


def test_a_missing_file_fails_this_time_only(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    read = obtain(tmp_path / "store", FakeEncoder("image"), [file_content(path), text_content("fine")])
    assert len(read.vectors) == 1
    assert "No such file" in read.failures[file_content(path).key]
    path.write_bytes(b"now it is there")
    assert obtain(tmp_path / "store", FakeEncoder("image"), [file_content(path)]).failures == {}


def test_a_missing_file_needs_no_encoder_and_has_one_name_wherever_the_shop_lies(tmp_path: Path) -> None:
    """Else a home that was moved would make everything anew, for a picture that is not there."""
    here, there = (file_content(tmp_path / place / "a.png", "images/a.png") for place in ("old", "new"))

    read = FeatureStore(tmp_path / "store").obtain(
        FakeEncoder("image").identity, [here], never, Silent(), "images"
    )

    assert here.key == there.key
    assert read.failures == {here.key: "cannot be read: No such file or directory"}
    assert str(tmp_path) not in read.failures[here.key]


def test_a_file_that_changed_under_the_run_is_not_stored_under_its_old_name(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(b"before")
    content = file_content(path)
    path.write_bytes(b"after")
    read = obtain(tmp_path / "store", FakeEncoder("image"), [content])
    assert read.vectors == {}
    assert "changed while" in read.failures[content.key]
    path.write_bytes(b"before")
    assert len(obtain(tmp_path / "store", FakeEncoder("image"), [content]).vectors) == 1


def test_a_vector_that_is_not_finite_is_a_failure(tmp_path: Path) -> None:
    class Overflowing(FakeEncoder):
        def vector(self, raw: bytes) -> np.ndarray:
            return np.full(self.width, np.inf if raw == b"huge" else 1.0, dtype=np.float32)

    read = obtain(tmp_path, Overflowing("text"), [text_content("huge"), text_content("small")])
    assert list(read.vectors) == [text_content("small").key]
    assert "infinite" in read.failures[text_content("huge").key]


def test_nothing_asked_nothing_written(tmp_path: Path) -> None:
    read = FeatureStore(tmp_path / "store").obtain(FakeEncoder("text").identity, [], never, Silent(), "text")
    assert (dict(read.vectors), read.encoded) == ({}, 0)
    assert not (tmp_path / "store").exists()


def test_the_wrong_encoder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MmsearchError, match="its files changed"):
        FeatureStore(tmp_path).obtain(
            FakeEncoder("text").identity, texts(1), lambda: FakeEncoder("text", version="2"), Silent(), "text"
        )


def test_an_encoder_that_dies_loses_nothing_it_had_done(tmp_path: Path) -> None:
    class Dying(FakeEncoder):
        def vector(self, raw: bytes) -> np.ndarray:
            if len(self.encoded) > 10:
                raise RuntimeError("out of memory")
            return super().vector(raw)

    with pytest.raises(RuntimeError):
        obtain(tmp_path, Dying("text"), texts(20))
    assert obtain(tmp_path, FakeEncoder("text"), texts(20)).encoded == 12


def test_shards_are_bounded_and_a_killed_run_keeps_the_whole_ones(tmp_path: Path) -> None:
    obtain(tmp_path, FakeEncoder("text", batch_size=100), texts(2_500))
    heights = [pl.read_parquet(path).height for path in shards(tmp_path)]
    assert sorted(heights) == [300, 1_100, 1_100]


def test_leftovers_and_half_files_are_passed_over(tmp_path: Path) -> None:
    encoder = FakeEncoder("text")
    obtain(tmp_path, encoder, texts(10))
    obtain(tmp_path, encoder, texts(10, start=10))
    half, whole = shards(tmp_path)
    half.write_bytes(half.read_bytes()[: half.stat().st_size // 2])
    (whole.parent / "shard-0000.parquet").write_bytes(b"")
    (whole.parent / "shard-0001.parquet").write_bytes(b"no parquet at all")
    pl.DataFrame({"other": [1]}).write_parquet(whole.parent / "shard-0002.parquet")
    leftover = whole.parent / ".shard-9.parquet.1234"
    leftover.write_bytes(b"half")
    assert obtain(tmp_path, FakeEncoder("text"), texts(20)).encoded == 10
    assert not leftover.exists()
    assert obtain(tmp_path, FakeEncoder("text"), texts(20)).encoded == 0


@pytest.mark.slow
def test_many_small_shards_are_merged_and_lose_nothing(tmp_path: Path) -> None:
    encoder = FakeEncoder("text")
    for n in range(40):
        obtain(tmp_path, encoder, [text_content(f"one {n}"), text_content(f"broken {n}")])
    assert len(shards(tmp_path)) < 12
    contents = [text_content(f"{kind} {n}") for n in range(40) for kind in ("one", "broken")]
    read = FeatureStore(tmp_path).obtain(encoder.identity, contents, never, Silent(), "text")
    assert (len(read.vectors), len(read.failures), len(encoder.encoded)) == (40, 40, 80)


@pytest.mark.slow
def test_a_merge_that_was_killed_before_it_tidied_up_does_no_harm(tmp_path: Path) -> None:
    store, kept, encoder = tmp_path / "store", tmp_path / "kept", FakeEncoder("text")
    kept.mkdir()
    contents = [text_content(f"one {n}") for n in range(32)]
    for content in contents:
        for path in shards(store):
            shutil.copy(path, kept)
        obtain(store, encoder, [content])
    assert len(shards(store)) == 1
    for path in kept.iterdir():
        shutil.copy(path, store / encoder.identity.fingerprint)
    assert len(obtain(store, encoder, [*contents, text_content("one more")]).vectors) == 33
    assert len(shards(store)) == 1
    assert len(encoder.encoded) == 33


def test_progress_counts_what_is_really_encoded(tmp_path: Path) -> None:
    encoder = FakeEncoder("text")
    obtain(tmp_path, encoder, texts(4))
    told = Recorded()
    FeatureStore(tmp_path).obtain(encoder.identity, texts(10), lambda: encoder, told, "text")
    assert told.events == [
        ("start", "text", 6),
        ("advance", "text", 4),
        ("advance", "text", 2),
        ("finish", "text", "6 encoded, 4 reused, 0 unreadable"),
    ]


WORDS = st.lists(st.sampled_from([f"text {n}" for n in range(12)] + ["broken x", "broken y"]), max_size=25)


@settings(max_examples=40, deadline=None)
@given(calls=st.lists(WORDS, min_size=1, max_size=5))
def test_any_order_duplicates_and_split_into_calls_give_the_same(calls: list[list[str]]) -> None:
    encoder = FakeEncoder("text", batch_size=3)
    with tempfile.TemporaryDirectory() as folder:
        for words in calls:
            read = obtain(Path(folder), encoder, [text_content(word) for word in words])
            for word in words:
                key = text_content(word).key
                if word.startswith("broken"):
                    assert read.failures[key] == "broken content"
                else:
                    assert read.vectors[key].tolist() == encoder.vector(word.encode()).tolist()
            assert len(read.vectors) + len(read.failures) == len(set(words))
            assert read.encoded + read.reused == len(set(words))
    assert len(encoder.encoded) == len(set(encoder.encoded)) == len({w for words in calls for w in words})


@settings(max_examples=50, deadline=None)
@given(text=st.text(max_size=40))
def test_any_text_is_content_named_by_its_bytes(text: str) -> None:
    assert text_content(text).key == text_content(text).key
    assert text_content(text).read() == text.encode("utf-8", errors="surrogatepass")


def test_a_lone_surrogate_is_content_too() -> None:
    assert text_content("\ud800").read() == b"\xed\xa0\x80"


KILLED = """
import os, signal, sys
from pathlib import Path
from mmsearch_dagster.adapters.feature_store.feature_store import FeatureStore, text_content
from mmsearch_dagster.core.progress import Silent
from tests.fakes.encoders import FakeEncoder

class Killed(FakeEncoder):
    def _encode(self, contents):
        if len(self.encoded) >= 2_000:
            os.kill(os.getpid(), signal.SIGKILL)
        return super()._encode(contents)

encoder = Killed("text", batch_size=128)
contents = [text_content(f"product {n} 商品") for n in range(3_000)]
FeatureStore(Path(sys.argv[1])).obtain(encoder.identity, contents, lambda: encoder, Silent(), "text")
"""


def test_sigkill_loses_at_most_one_shard(tmp_path: Path) -> None:
    root = Path(feature_store.__file__).parents[3]
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(KILLED), str(tmp_path)],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        timeout=60,
    )
    assert done.returncode == -signal.SIGKILL
    encoder = FakeEncoder("text")
    read = obtain(tmp_path, encoder, texts(3_000))
    assert 1_024 <= read.reused <= 2_048
    assert read.encoded == 3_000 - read.reused
    assert len(read.vectors) == 3_000
