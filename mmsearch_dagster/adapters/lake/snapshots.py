"""The lake: immutable snapshots on disk, each named by what it was made from.

A snapshot is a folder `lake/<asset>/<digest>/`. It is written beside its place and renamed into it,
so a reader never sees half of one and a killed run leaves only a `.part-*` folder, swept by the next.
`CURRENT` in the asset's folder names the snapshot that downstream assets read.
"""

import json
import os
import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from mmsearch_dagster.core.errors import MmsearchError

if TYPE_CHECKING:
    import polars as pl

_POINTER = "CURRENT"
_FACTS = "facts.json"
_TABLE = "table.parquet"
_MADE_FROM = "made_from"


@dataclass(frozen=True)
class Snapshot:
    """One immutable snapshot. `facts` are the metrics that its step stores with it (JSON)."""

    asset: str
    digest: str
    folder: Path
    facts: Mapping[str, Any]

    @property
    def inputs(self) -> Mapping[str, str]:
        """Asset -> digest of each snapshot that this one was made from; empty where none was stored."""
        return self.facts.get(_MADE_FROM) or {}

    @property
    def table_path(self) -> Path:
        return self.folder / _TABLE

    def table(self) -> "pl.DataFrame":
        """The snapshot's rows."""
        import polars as pl

        return pl.read_parquet(self.table_path)


class Facts(BaseModel):
    """What a step stores with a snapshot of its asset; each asset has its record.

    rows: of the snapshot's table, or of what it is about.
    """

    model_config = ConfigDict(frozen=True)

    rows: int = 0

    @classmethod
    def of(cls, snapshot: Snapshot) -> Self:
        """The record of a snapshot.

        Raises:
            MmsearchError: for facts of another version or damaged ones.
        """
        try:
            return cls.model_validate(snapshot.facts)
        except ValidationError as error:
            raise MmsearchError(
                f"the facts of {snapshot.asset} {snapshot.digest[:10]} are not those of this version "
                f"({error.errors()[0]['msg']}): materialise '{snapshot.asset}' again, or use `mmsearch run`"
            ) from error


def write_atomically(path: Path, content: bytes) -> None:
    """Replace `path` in one step; a reader sees the old bytes or the new ones."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    with part.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


class Lake:
    """Snapshots under one root folder."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def find(self, asset: str, digest: str) -> Snapshot | None:
        """The snapshot of that name, or None."""
        folder = self._root / asset / digest
        facts = folder / _FACTS
        if not facts.exists():
            return None
        return Snapshot(asset, digest, folder, json.loads(facts.read_text(encoding="utf-8")))

    def all(self) -> Iterator[tuple[Snapshot, bool]]:
        """Every whole snapshot, and whether it is the current one of its asset."""
        for folder in sorted(self._root.glob("*/*/")):
            snapshot = self.find(folder.parent.name, folder.name)
            if snapshot is not None:
                pointer = folder.parent / _POINTER
                current = pointer.read_text(encoding="utf-8").strip() if pointer.exists() else ""
                yield snapshot, current == folder.name

    def remove(self, snapshot: Snapshot) -> None:
        """Removes a snapshot: out of the readers' sight in one step, then its files."""
        part = snapshot.folder.with_name(f".part-{os.getpid()}-{uuid.uuid4().hex[:8]}")
        snapshot.folder.rename(part)
        shutil.rmtree(part, ignore_errors=True)

    def sweep(self) -> None:
        """Removes what killed writers left half written. Nobody may write meanwhile."""
        for leftover in self._root.glob("*/.part-*"):
            if not _has_a_living_maker(leftover):
                shutil.rmtree(leftover, ignore_errors=True)

    def current(self, asset: str) -> Snapshot:
        """The snapshot downstream assets read.

        Raises MmsearchError when the asset was never materialised.
        """
        pointer = self._root / asset / _POINTER
        digest = pointer.read_text(encoding="utf-8").strip() if pointer.exists() else ""
        snapshot = self.find(asset, digest) if digest else None
        if snapshot is None:
            raise MmsearchError(f"asset '{asset}' has no snapshot under {self._root}: materialise it first")
        return snapshot

    def obtain(
        self,
        asset: str,
        digest: str,
        make: Callable[[Path], Mapping[str, Any]],
        *,
        inputs: Iterable[Snapshot] = (),
    ) -> tuple[Snapshot, bool]:
        """The snapshot of that name, made by `make(folder) -> facts` when it does not exist yet.

        Args:
            asset: what it is a snapshot of.
            digest: its name, which must follow from the digests of `inputs` among other things.
            make: writes the files and returns the facts.
            inputs: the snapshots that it is made from; their digests are stored with the facts.

        Returns:
            The snapshot and whether it was made now. Moves `CURRENT` to it either way.
        """
        existing = self.find(asset, digest)
        snapshot = existing or self._make(asset, digest, make, inputs)
        pointer = self._root / asset / _POINTER
        if not pointer.exists() or pointer.read_bytes() != digest.encode():
            write_atomically(pointer, digest.encode())
        return snapshot, existing is None

    def obtain_table(
        self,
        asset: str,
        digest: str,
        make: "Callable[[], tuple[pl.DataFrame, Mapping[str, Any]]]",
        *,
        inputs: Iterable[Snapshot] = (),
    ) -> tuple[Snapshot, bool]:
        """Like `obtain` for a snapshot that is one table.

        Args:
            asset: name of the asset.
            digest: of everything the table depends on.
            make: returns the table and its facts; called only where the snapshot does not exist.
            inputs: the snapshots it is made from.

        Returns:
            The snapshot, and whether it was made now.
        """

        def write(folder: Path) -> Mapping[str, Any]:
            frame, facts = make()
            frame.write_parquet(folder / _TABLE)
            return {"rows": frame.height, **facts}

        return self.obtain(asset, digest, write, inputs=inputs)

    def _make(
        self,
        asset: str,
        digest: str,
        make: Callable[[Path], Mapping[str, Any]],
        inputs: Iterable[Snapshot],
    ) -> Snapshot:
        home = self._root / asset
        home.mkdir(parents=True, exist_ok=True)
        for leftover in home.glob(".part-*"):
            if not _has_a_living_maker(leftover):
                shutil.rmtree(leftover, ignore_errors=True)
        part = home / f".part-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        part.mkdir()
        facts = {**make(part), _MADE_FROM: {snapshot.asset: snapshot.digest for snapshot in inputs}}
        (part / _FACTS).write_text(json.dumps(facts, ensure_ascii=False, default=str), encoding="utf-8")
        try:
            part.replace(home / digest)
        except OSError:  # another process was faster
            existing = self.find(asset, digest)
            if existing is None:
                raise
            shutil.rmtree(part, ignore_errors=True)
            return existing
        return Snapshot(asset, digest, home / digest, facts)


def _has_a_living_maker(part: Path) -> bool:
    """Whether another process of this machine is still writing it; its number is in the name."""
    maker = part.name.split("-")[1]
    if not maker.isdigit() or int(maker) == os.getpid():
        return False
    try:
        os.kill(int(maker), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
