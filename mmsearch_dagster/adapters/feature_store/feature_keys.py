"""Which contents a snapshot of vectors came from: vectors of contents that are gone can go too."""

from collections.abc import Collection, Iterable
from pathlib import Path

import polars as pl

from mmsearch_dagster.adapters.lake.snapshots import Snapshot

FILE = "keys.parquet"
_ENCODER, _KEY = "encoder", "key"


def write_keys(folder: Path, encoder: str, keys: Iterable[str]) -> None:
    """Notes in a snapshot's folder which contents its vectors are of. encoder: its fingerprint."""
    sorted_keys = sorted(keys)
    schema = {_ENCODER: pl.String, _KEY: pl.String}
    frame = pl.DataFrame({_ENCODER: [encoder] * len(sorted_keys), _KEY: sorted_keys}, schema=schema)
    frame.write_parquet(folder / FILE)


def keys_of(snapshots: Iterable[Snapshot]) -> dict[str, set[str]]:
    """Fingerprint of an encoder -> keys of contents; snapshots of before they were noted are left out."""
    keys: dict[str, set[str]] = {}
    for snapshot in snapshots:
        file = snapshot.folder / FILE
        if file.exists():
            for encoder, key in pl.read_parquet(file).iter_rows():
                keys.setdefault(encoder, set()).add(key)
    return keys


def only_in(dropped: dict[str, set[str]], kept: dict[str, Collection[str]]) -> dict[str, set[str]]:
    """Keys that only dropped snapshots came from."""
    orphans = {encoder: keys - set(kept.get(encoder, ())) for encoder, keys in dropped.items()}
    return {encoder: keys for encoder, keys in orphans.items() if keys}
