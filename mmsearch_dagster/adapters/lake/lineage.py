"""What a snapshot was made from, followed back to the shop's files."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mmsearch_dagster.adapters.lake.snapshots import Lake, Snapshot
from mmsearch_dagster.core.errors import LineageError

_SHORT = 10


@dataclass(frozen=True)
class _Step:
    """A snapshot on the way back. reader: the asset that read it; root: where the way began."""

    asset: str
    digest: str
    reader: str
    root: str


@dataclass(frozen=True)
class Lineage:
    """Asset -> the one snapshot of it that something was made from."""

    snapshots: Mapping[str, Snapshot]

    def __contains__(self, asset: object) -> bool:
        return asset in self.snapshots

    def __getitem__(self, asset: str) -> Snapshot:
        """Raises LineageError where the way back does not come to this asset."""
        if asset not in self.snapshots:
            assets = ", ".join(sorted(self.snapshots))
            raise LineageError(
                f"{assets} do not say which {asset} they were made from (an older version made them): "
                "materialise them again, or use `mmsearch run`"
            )
        return self.snapshots[asset]


def lineage_of(lake: Lake, roots: Iterable[Snapshot]) -> Lineage:
    """The snapshots that the roots were made from, the roots included.

    What an older version stored without its inputs ends the way there.

    Raises:
        LineageError: where two ways lead to different snapshots of one asset, or to one that is gone.
    """
    snapshots: dict[str, Snapshot] = {}
    first: dict[str, _Step] = {}
    pending: list[_Step] = []
    for root in roots:
        pending.append(_Step(root.asset, root.digest, root.asset, root.asset))
    while pending:
        step = pending.pop()
        earlier = first.setdefault(step.asset, step)
        if earlier.digest != step.digest:
            raise LineageError(_mixture(earlier, step))
        if step.asset in snapshots:
            continue
        snapshot = lake.find(step.asset, step.digest)
        if snapshot is None:
            raise LineageError(
                f"{step.reader} was made from {_named(step)}, which is gone from the lake: run again"
            )
        snapshots[step.asset] = snapshot
        pending.extend(
            _Step(asset, digest, step.asset, step.root) for asset, digest in snapshot.inputs.items()
        )
    return Lineage(snapshots)


def current_inputs(lake: Lake, assets: Iterable[str]) -> Mapping[str, Snapshot]:
    """The current snapshot of each of these assets, all of one lineage: what a step reads.

    Raises:
        MmsearchError: where one was never materialised.
        LineageError: where they were not made from the same data.
    """
    inputs = {asset: lake.current(asset) for asset in assets}
    lineage_of(lake, inputs.values())
    return inputs


def _named(step: _Step) -> str:
    return f"{step.asset} {step.digest[:_SHORT]}"


def _mixture(step: _Step, other: _Step) -> str:
    """Which two ways part, and what to materialise."""

    def source_of(step: _Step) -> str:
        if step.root == step.asset:
            return f"{_named(step)} is current"
        via = "" if step.reader == step.root else f" (through {step.reader})"
        return f"{step.root} was made from {_named(step)}{via}"

    return (
        f"{source_of(step)}, but {source_of(other)}: they do not belong together; materialise everything "
        f"that follows '{step.asset}' again, or use `mmsearch run`"
    )
