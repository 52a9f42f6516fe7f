"""The list of releases: every registered version and what became of it."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from mmsearch_dagster.adapters.registry.tags import GATE, WITHDRAWN, is_whole, manifest_of
from mmsearch_dagster.core.release import ReleaseManifest

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion

Status = Literal["champion", "challenger", "withdrawn", "refused", "previous", "candidate"]


@dataclass(frozen=True)
class ReleaseRow:
    """One model version in a list: what it is and what became of it.

    status: `champion` is served; `previous` was; `withdrawn` was rolled back from; `refused` failed the
    gate; `challenger` waits for its index; `candidate` is any other. created: ISO, UTC.
    """

    manifest: ReleaseManifest
    status: Status
    created: str
    withdrawn_because: str | None


def status_of(
    version: int,
    tags: Mapping[str, str],
    *,
    champion: int | None,
    challenger: int | None,
    moved_to: Collection[int],
) -> Status:
    """What became of one version."""
    if version == champion:
        return "champion"
    if tags.get(WITHDRAWN):
        return "withdrawn"
    if version in moved_to:
        return "previous"
    if tags.get(GATE) != "passed":
        return "refused"
    return "challenger" if version == challenger else "candidate"


def release_rows(
    versions: "Iterable[ModelVersion]",
    *,
    champion: int | None,
    challenger: int | None,
    moved_to: Collection[int],
) -> list[ReleaseRow]:
    """One row per version that mmsearch registered and whose tags are whole, in the given order.

    moved_to: versions the pointer has been on, as the ledger records it.
    """
    rows = []
    for model_version in versions:
        version, tags = int(model_version.version), model_version.tags
        if not is_whole(tags, version):
            continue
        status = status_of(version, tags, champion=champion, challenger=challenger, moved_to=moved_to)
        created = datetime.fromtimestamp(model_version.creation_timestamp / 1000, UTC)
        rows.append(
            ReleaseRow(
                manifest=manifest_of(tags, version),
                status=status,
                created=created.isoformat(timespec="seconds"),
                withdrawn_because=tags.get(WITHDRAWN) or None,
            )
        )
    return rows
