"""The files of the feature store: one Parquet shard holds keys with a vector, or a reason why not."""

import logging
from collections.abc import Collection
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

import numpy as np
import polars as pl

from mmsearch_dagster.adapters.lake.snapshots import write_atomically
from mmsearch_dagster.core.digest import digest_of
from mmsearch_dagster.core.modalities import Matrix

_LOG = logging.getLogger(__name__)
_KEY, _VECTOR, _REASON = "key", "vector", "reason"
_SMALL_ROWS = 1_024
_MANY_SMALL = 32


@dataclass
class Features:
    """Vectors (key -> float32 [width]) and the reasons of what has none, as they are collected."""

    vectors: dict[str, Matrix] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.vectors) + len(self.failures)

    def __contains__(self, key: str) -> bool:
        return key in self.vectors or key in self.failures

    def update(self, other: "Features") -> None:
        """Take over what `other` knows."""
        self.vectors.update(other.vectors)
        self.failures.update(other.failures)


def read_shards(folder: Path, width: int, keys: Collection[str]) -> Features:
    """Reads the vectors and failures of some contents; unreadable files count as absent.

    Args:
        folder: of one encoder.
        width: length of its vectors.
        keys: of the contents that are wanted.

    Returns:
        What the shards hold of them.
    """
    while True:
        features = Features()
        try:
            for path in _shards(folder):
                features.update(_read(path, width, keys))
        except FileNotFoundError:  # compacted by another process in the meantime: look again
            continue
        return features


def write_shard(folder: Path, features: Features, width: int) -> None:
    """Adds a shard; its name follows from its keys, so the same content is never stored twice.

    Args:
        folder: of one encoder.
        features: vectors and failures by key; nothing is written where there is none.
        width: length of a vector.
    """
    if not len(features):
        return
    buffer = BytesIO()
    _frame(features, width).write_parquet(buffer)
    write_atomically(folder / _name(features), buffer.getvalue())


def sweep(folder: Path) -> None:
    """Remove what a killed writer left half written. Only the folder's one writer may."""
    for part in folder.glob(".shard-*"):
        part.unlink(missing_ok=True)


def compact(folder: Path, width: int) -> None:
    """Merges small shards once there are many; they are deleted after the merged one is in place.

    Args:
        folder: of one encoder.
        width: length of a vector.
    """
    small = [path for path in _shards(folder) if _rows(path) < _SMALL_ROWS]
    if len(small) < _MANY_SMALL:
        return
    merged = Features()
    for path in small:
        merged.update(_read(path, width, None))
    write_shard(folder, merged, width)
    for path in small:
        if path.name != _name(merged):
            path.unlink()


def forget(folder: Path, keys: Collection[str]) -> None:
    """Removes some contents from an encoder's shards; a killed clean-up loses nothing else.

    Args:
        folder: of one encoder.
        keys: of the contents.
    """
    for path in _shards(folder):
        frame = pl.read_parquet(path, memory_map=False)
        rest = frame.filter(~pl.col(_KEY).is_in(list(keys)))
        if rest.height == frame.height:
            continue
        if rest.height:
            buffer = BytesIO()
            rest.write_parquet(buffer)
            name = f"shard-{digest_of({'keys': rest[_KEY].sort().to_list()})}.parquet"
            write_atomically(folder / name, buffer.getvalue())
        path.unlink()


def _shards(folder: Path) -> list[Path]:
    return sorted(folder.glob("shard-*.parquet"))


def _name(features: Features) -> str:
    return f"shard-{digest_of({'keys': sorted([*features.vectors, *features.failures])})}.parquet"


def _schema(width: int) -> pl.Schema:
    return pl.Schema({_KEY: pl.String, _VECTOR: pl.Array(pl.Float32, width), _REASON: pl.String})


def _frame(features: Features, width: int) -> pl.DataFrame:
    encoded, failed = sorted(features.vectors), sorted(features.failures)
    vectors = np.array([features.vectors[key] for key in encoded], dtype=np.float32).reshape(-1, width)
    reasons = [features.failures[key] for key in failed]
    schema = _schema(width)
    return pl.concat(
        [
            pl.DataFrame({_KEY: encoded, _VECTOR: vectors, _REASON: [None] * len(encoded)}, schema=schema),
            pl.DataFrame({_KEY: failed, _VECTOR: [None] * len(failed), _REASON: reasons}, schema=schema),
        ]
    )


def _rows(path: Path) -> int:
    try:
        return pl.scan_parquet(path).select(pl.len()).collect().item()
    except (pl.exceptions.PolarsError, OSError):
        return 0


def _read(path: Path, width: int, keys: Collection[str] | None) -> Features:
    try:
        frame = pl.read_parquet(path, memory_map=False)
    except FileNotFoundError:
        raise
    except (pl.exceptions.PolarsError, OSError) as error:
        _LOG.warning("feature shard %s cannot be read and is left out: %s", path, error)
        return Features()
    if frame.schema != _schema(width):
        _LOG.warning("feature shard %s has other columns than expected and is left out", path)
        return Features()
    if keys is not None:
        frame = frame.filter([key in keys for key in frame[_KEY]])
    encoded, failed = frame.filter(pl.col(_REASON).is_null()), frame.filter(pl.col(_REASON).is_not_null())
    matrix = encoded[_VECTOR].to_numpy()
    return Features(
        vectors=dict(zip(encoded[_KEY], matrix, strict=True)),
        failures=dict(zip(failed[_KEY], failed[_REASON], strict=True)),
    )
