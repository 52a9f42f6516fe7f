"""Which versions and snapshots are kept: pure functions, so that random histories can be tried."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class StoredVersion:
    """A registered version as far as retention is concerned.

    trained: it came of a training itself, and no other release's model is published again in it. pinned: it
    is served, or somebody or something waits for it.
    """

    number: int
    trained: bool
    pinned: bool = False


@dataclass(frozen=True)
class StoredSnapshot:
    """A snapshot in the lake. inputs: asset -> digest of what it was made from. current: steps read it."""

    asset: str
    digest: str
    inputs: Mapping[str, str]
    current: bool = False

    @property
    def key(self) -> tuple[str, str]:
        """Asset and digest."""
        return self.asset, self.digest


def kept_versions(versions: Iterable[StoredVersion], served: Sequence[int], keep: int) -> frozenset[int]:
    """Numbers of the versions that stay.

    Args:
        versions: all that are registered.
        served: numbers of the versions that the pointer was on, oldest first.
        keep: how many of those that were served last stay ready for a rollback.

    Returns:
        Pinned ones, the last served ones, and the last that was trained: a run compares with what that one
        was trained on.
    """
    registered = {version.number: version for version in versions}
    last_served = [number for number in dict.fromkeys(reversed(served)) if number in registered]
    trained = [number for number, version in registered.items() if version.trained]
    pinned = {number for number, version in registered.items() if version.pinned}
    return frozenset({*pinned, *last_served[:keep], *sorted(trained)[-1:]})


def removable_snapshots(
    snapshots: Iterable[StoredSnapshot], roots: Collection[tuple[str, str]]
) -> list[StoredSnapshot]:
    """The snapshots that nothing needs any more.

    Args:
        snapshots: those of assets that a run can make again.
        roots: asset and digest of every snapshot that a kept release names.

    Returns:
        Those that are not current, not named, and not on the way back from one of these.
    """
    stored = {snapshot.key: snapshot for snapshot in snapshots}
    needed: set[tuple[str, str]] = set()
    pending = [*roots, *(key for key, snapshot in stored.items() if snapshot.current)]
    while pending:
        key = pending.pop()
        if key in needed:
            continue
        needed.add(key)
        pending.extend(stored[key].inputs.items() if key in stored else ())
    return [snapshot for key, snapshot in stored.items() if key not in needed]
