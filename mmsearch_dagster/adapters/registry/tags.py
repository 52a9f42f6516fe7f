"""Tags of a model version in the MLflow registry: what it says about itself."""

import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from mmsearch_dagster.core.errors import ReleaseMismatchError
from mmsearch_dagster.core.gate.decision import Decision
from mmsearch_dagster.core.release import (
    EncoderIdentity,
    PhotoMemoryPin,
    QueryMemoryPin,
    RankerPin,
    RankingPin,
    ReleaseManifest,
    RetrievalParams,
)
from mmsearch_dagster.core.speech.spec import RecogniserSpec

# The tags the code reads; the rest of `tags_of` is for people and for search in the UI.
RELEASE_ID = "mmsearch.release_id"
MANIFEST = "mmsearch.manifest"
DECISION = "mmsearch.decision"
GATE = "mmsearch.gate"
INDEX = "mmsearch.index"
WITHDRAWN = "mmsearch.withdrawn"
# A pointer move that is under way: what the ledger will say about it.
MOVE = "mmsearch.move"
# The folder of the pictures, a field of the manifest.
MEDIA_ROOT = "media_root"
_ANEW = "`mmsearch run` registers the release anew"
_NOT_IN_A_MANIFEST = {
    *("decision", "run_id", "description"),
    *("people_dir", "ranking_dir", "language_file", "photo_memory_file", "query_memory_file"),
}


class VersionFacts(BaseModel):
    """What a model version is registered with.

    snapshots: asset -> digest of the data it was made from. parent: release id of the champion it was
    compared with. media_root: what picture uris are relative to. run_id: MLflow run that trained it.
    description: one sentence for people who look at the registry.
    people_dir, ranking_dir: folders of `ranker` and `ranking`, copied into the version. language_file,
    photo_memory_file, query_memory_file: those of `language`, `photo_memory`, `query_memory`, likewise.
    """

    model_config = ConfigDict(frozen=True)

    release_id: str
    catalogue: str
    strategy: str
    weights_sha256: str
    encoders: tuple[EncoderIdentity, ...]
    snapshots: dict[str, str]
    retrieval: RetrievalParams
    decision: Decision
    media_root: str | None = None
    recogniser: RecogniserSpec = RecogniserSpec()
    language: str | None = None
    language_file: str | None = None
    ranker: RankerPin | None = None
    people_dir: str | None = None
    photo_memory: PhotoMemoryPin | None = None
    photo_memory_file: str | None = None
    query_memory: QueryMemoryPin | None = None
    query_memory_file: str | None = None
    ranking: RankingPin | None = None
    ranking_dir: str | None = None
    parent: str | None = None
    run_id: str | None = None
    description: str | None = None
    trained_on: dict[str, str] | None = None
    refresh_of: str | None = None


def facts_again(manifest: ReleaseManifest, decision: Decision, **changes: Any) -> VersionFacts:
    """What a version of the same model is registered with: all of `manifest` but its index and `changes`."""
    kept = manifest.model_dump(include=set(VersionFacts.model_fields))
    return VersionFacts.model_validate({**kept, "decision": decision, **changes})


def decision_tags(decision: Decision) -> dict[str, str]:
    """The gate's decision, whole and in a word."""
    return {DECISION: decision.to_json(), GATE: "passed" if decision.passed else "refused"}


def tags_of(facts: VersionFacts) -> dict[str, str]:
    """Every tag of a new version."""
    tags = {
        RELEASE_ID: facts.release_id,
        MANIFEST: facts.model_dump_json(exclude=_NOT_IN_A_MANIFEST),
        "mmsearch.catalogue": facts.catalogue,
        "mmsearch.strategy": facts.strategy,
        "mmsearch.weights_sha256": facts.weights_sha256,
        "mmsearch.parent": facts.parent or "none",
    }
    tags |= {f"mmsearch.encoder.{encoder.modality}": encoder.fingerprint for encoder in facts.encoders}
    tags |= {f"mmsearch.snapshot.{asset}": digest for asset, digest in facts.snapshots.items()}
    return tags | decision_tags(facts.decision)


def manifest_of(tags: Mapping[str, str], version: int) -> ReleaseManifest:
    """The manifest of a version from its tags.

    Raises ReleaseMismatchError when the version was not registered by mmsearch or its tags are damaged.
    """
    if MANIFEST not in tags:
        raise ReleaseMismatchError(
            f"model version {version} carries no '{MANIFEST}' tag: somebody removed it, or mmsearch did not "
            f"register that version; {_ANEW}"
        )
    try:
        facts = json.loads(tags[MANIFEST])
        index = json.loads(tags[INDEX]) if tags.get(INDEX) else None
        return ReleaseManifest.model_validate({**facts, "model_version": version, "index": index})
    except (ValueError, TypeError) as error:
        raise ReleaseMismatchError(
            f"the tags of model version {version} are damaged ({' '.join(str(error).split())}); {_ANEW}"
        ) from error


def is_whole(tags: Mapping[str, str], version: int) -> bool:
    """Whether the tags of a version say what it is."""
    try:
        manifest_of(tags, version)
    except ReleaseMismatchError:
        return False
    return True


def decision_of(tags: Mapping[str, str]) -> Decision | None:
    """The stored decision of a version, or None where there is none that a gate can have written."""
    try:
        return Decision.from_json(tags.get(DECISION, ""))
    except ValidationError:
        return None
