"""Everything that no kept release names is removed from a home; the last releases stay ready for a rollback.

In an order that may be killed anywhere: first what names things, then the things. What is left behind is
found again by the next clean-up.
"""

import shutil
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from mmsearch_dagster.adapters.feature_store.feature_keys import keys_of, only_in
from mmsearch_dagster.adapters.host.run_lock import alone
from mmsearch_dagster.adapters.host.server_logs import shorten_logs
from mmsearch_dagster.adapters.index.cleanup import clean_up, dropped_tags
from mmsearch_dagster.adapters.lake.snapshots import Snapshot
from mmsearch_dagster.adapters.models.finetune import TUNED_PREFIX, finetuned_folder
from mmsearch_dagster.adapters.registry.ledger import MOVES, Ledger
from mmsearch_dagster.adapters.registry.mlflow_cleanup import (
    Unneeded,
    remove,
    remove_versions,
    unneeded,
)
from mmsearch_dagster.adapters.registry.store import MlflowStore
from mmsearch_dagster.core.errors import MmsearchError, NoReleaseError, UserError
from mmsearch_dagster.core.release import EncoderIdentity, ReleaseManifest
from mmsearch_dagster.core.retention.plan import (
    StoredSnapshot,
    StoredVersion,
    kept_versions,
    removable_snapshots,
)
from mmsearch_dagster.pipeline.ingest.remote_media import needed_copies
from mmsearch_dagster.pipeline.personalisation.profiles import old_states
from mmsearch_dagster.pipeline.release.reviews import Reviews
from mmsearch_dagster.pipeline.workspace import Workspace

KEEP = 5
# Assets that a run makes again; snapshots of any other asset are never touched, for they may be kept by day.
_MADE_AGAIN = (
    *("challenger", "catalogue_refresh", "image_encoder", "ranking", "ranker", "user_profiles"),
    *("photo_memory", "reviews", "remote_media", "searches", "queries", "products", "interactions"),
    *("data_drift", "embedding_drift", "behaviour_drift", "search_quality"),
)
_ENDINGS = ("_raw", "_quarantine", "_features")
_BEGINNINGS = ("fusion_",)
_EVALUATION = "evaluation_index"


@dataclass(frozen=True)
class Unused:
    """What no kept release needs, kind by kind.

    versions: of the registered model. tags: table -> tags of its index. words: the same of the index of
    words that evaluations use. tuned: folders of fine-tuned encoders. features: encoder -> contents; None
    for all of an encoder. media: copies of remote media, by content. kept: release ids that stay ready.
    """

    kept: tuple[str, ...]
    versions: tuple[ReleaseManifest, ...]
    mlflow: Unneeded
    tags: dict[str, list[str]]
    words: dict[str, list[str]]
    snapshots: tuple[Snapshot, ...]
    tuned: tuple[Path, ...]
    features: dict[str, set[str] | None]
    media: frozenset[str] = frozenset()

    def rows(self) -> list[tuple[str, int, str]]:
        """Kind, how many, and the first names, for people."""
        tags = [f"{table} {tag}" for table, names in self.tags.items() for tag in names]
        parts: list[tuple[str, Sequence[str]]] = [
            ("model versions", [f"{row.model_version} ({row.release_id})" for row in self.versions]),
            ("model files in MLflow", self.mlflow.models),
            ("runs in MLflow", self.mlflow.runs),
            ("index versions", tags),
            ("evaluation index versions", [tag for names in self.words.values() for tag in names]),
            ("lake snapshots", [f"{each.asset} {each.digest[:10]}" for each in self.snapshots]),
            ("fine-tuned encoders", [folder.name for folder in self.tuned]),
            ("encoders' vectors", [name for name, keys in self.features.items() if keys is None]),
            ("vectors", [key for keys in self.features.values() if keys for key in keys]),
            ("copies of remote media", list(self.media)),
        ]
        return [(kind, len(names), ", ".join(sorted(names)[:3])) for kind, names in parts]


def find_unused(workspace: Workspace, keep: int = KEEP) -> Unused:
    """What a clean-up would remove; nothing is changed.

    Args:
        workspace: the home.
        keep: how many of the releases that were served last stay ready for a rollback.

    Raises:
        UserError: for less than one.
        NoReleaseError: nothing was ever released here.
    """
    if keep < 1:
        raise UserError(f"--keep {keep}: at least 1, the release that answers")
    rows = workspace.registry.releases() if workspace.paths.mlflow.is_dir() else []
    if not rows:
        raise NoReleaseError(f"{workspace.paths.home} holds no release yet: there is nothing to clean up")
    numbers = _kept_numbers(workspace, [row.manifest for row in rows], keep)
    kept = [row.manifest for row in rows if row.manifest.model_version in numbers]
    dropped = tuple(row.manifest for row in rows if row.manifest.model_version not in numbers)
    snapshots = [*_removable(workspace, kept, [row.manifest for row in rows]), *old_states(workspace.lake)]
    tags: dict[str, list[str]] = {}
    for manifest in kept:
        if manifest.index is not None:
            tags.setdefault(manifest.index.table, []).append(manifest.index.tag)
    return Unused(
        kept=tuple(manifest.release_id for manifest in kept),
        versions=dropped,
        mlflow=unneeded(MlflowStore(workspace.paths.mlflow), numbers),
        tags=dropped_tags(workspace.paths.index, tags),
        words=_old_words(workspace),
        snapshots=tuple(snapshots),
        tuned=tuple(_unused_encoders(workspace, kept)),
        features=_features(workspace, kept, snapshots),
        media=_unused_media(workspace, snapshots),
    )


def prune(workspace: Workspace, keep: int = KEEP) -> Unused:
    """Removes what `find_unused` finds. The caller is alone in the home.

    Raises what `find_unused` raises.
    """
    unused = find_unused(workspace, keep)
    store = MlflowStore(workspace.paths.mlflow)
    remove_versions(store, [manifest.model_version for manifest in unused.versions])
    remove(store, unused.mlflow)
    clean_up(workspace.paths.index, unused.tags)
    clean_up(_words_folder(workspace), unused.words)
    for encoder, keys in unused.features.items():
        if keys is None:
            workspace.features.forget_encoder(encoder)
        else:
            workspace.features.forget(encoder, keys)
    for folder in unused.tuned:
        shutil.rmtree(folder, ignore_errors=True)
    for snapshot in unused.snapshots:
        workspace.lake.remove(snapshot)
    workspace.lake.sweep()
    workspace.media_cache.forget(unused.media)
    store.compact()
    shorten_logs(workspace.paths.logs)
    return unused


def prune_alone(workspace: Workspace, keep: int, waiting: Callable[[], object]) -> Unused:
    """`prune`, once no other run is at work in the home. waiting: called where steps of others still are.

    Raises UserError where another run is at work, and what `find_unused` raises.
    """
    with alone(workspace.paths.lock, waiting):
        return prune(workspace, keep)


def _kept_numbers(workspace: Workspace, manifests: Sequence[ReleaseManifest], keep: int) -> frozenset[int]:
    rows = workspace.registry.releases()
    pinned = {row.manifest.model_version for row in rows if row.status in ("champion", "challenger")}
    pinned |= {review.manifest.model_version for review in Reviews(workspace.registry).waiting()}
    lines = [line for line in Ledger(workspace.paths.ledger).lines() if line.action in MOVES]
    versions = [
        StoredVersion(row.model_version, row.refresh_of is None, row.model_version in pinned)
        for row in manifests
    ]
    return kept_versions(versions, [line.model_version for line in lines], keep)


def _removable(
    workspace: Workspace, kept: Iterable[ReleaseManifest], manifests: Iterable[ReleaseManifest]
) -> list[Snapshot]:
    named = {asset for manifest in manifests for asset in manifest.snapshots}
    stored = {}
    for snapshot, current in workspace.lake.all():
        if snapshot.asset in named or _is_made_again(snapshot.asset):
            described = StoredSnapshot(snapshot.asset, snapshot.digest, snapshot.inputs, current)
            stored[described.key] = (described, snapshot)
    roots = [(asset, digest) for manifest in kept for asset, digest in _snapshots_of(manifest)]
    removable = removable_snapshots([described for described, _ in stored.values()], roots)
    return [stored[described.key][1] for described in removable]


def _snapshots_of(manifest: ReleaseManifest) -> Iterable[tuple[str, str]]:
    """Those it names; the catalogue that a refreshed release was trained on is one of the products too."""
    for asset, digest in manifest.snapshots.items():
        yield asset, digest
        if asset == "trained_products":
            yield "products", digest


def _is_made_again(asset: str) -> bool:
    return asset in _MADE_AGAIN or asset.endswith(_ENDINGS) or asset.startswith(_BEGINNINGS)


def _features(
    workspace: Workspace, kept: Iterable[ReleaseManifest], dropped: Sequence[Snapshot]
) -> dict[str, set[str] | None]:
    """Vectors of encoders that nobody names, and of contents that only dropped snapshots came from."""
    named = {encoder.fingerprint for manifest in kept for encoder in manifest.encoders}
    named |= {identity.fingerprint for identity in _encoders_now(workspace)}
    orphans = only_in(keys_of(dropped), dict(keys_of(_staying(workspace, dropped))))
    whole = {encoder: None for encoder in workspace.features.encoders() if encoder not in named}
    return {**{encoder: keys for encoder, keys in orphans.items() if encoder in named}, **whole}


def _staying(workspace: Workspace, dropped: Sequence[Snapshot]) -> list[Snapshot]:
    gone = {(snapshot.asset, snapshot.digest) for snapshot in dropped}
    return [each for each, _ in workspace.lake.all() if (each.asset, each.digest) not in gone]


def _unused_media(workspace: Workspace, dropped: Sequence[Snapshot]) -> frozenset[str]:
    """Copies of remote media that no snapshot which stays names."""
    held = workspace.media_cache.contents()
    return held - needed_copies(workspace, _staying(workspace, dropped)) if held else frozenset()


def _encoders_now(workspace: Workspace) -> list[EncoderIdentity]:
    """Those of the next run, the fine-tuned one too, where there is one already; and of an upgrade that is
    under way."""
    identities = []
    for spec in workspace.preset.encoders:
        with suppress(MmsearchError):
            identities.append(workspace.identity(workspace.encoder(spec.modality) or spec))
    if workspace.paths.upgrade_preset.is_file():
        proposed = Workspace(replace(workspace.settings, preset=workspace.paths.upgrade_preset))
        for spec in proposed.preset.encoders:
            with suppress(MmsearchError):
                identities.append(workspace.identity(spec))
    return identities


def _unused_encoders(workspace: Workspace, kept: Iterable[ReleaseManifest]) -> list[Path]:
    released = [encoder for manifest in kept for encoder in manifest.encoders]
    needed = {finetuned_folder(identity) for identity in (*released, *_encoders_now(workspace))}
    names = {folder.name for folder in needed if folder}
    tuned = workspace.paths.encoder_cache.glob(f"{TUNED_PREFIX}*/")
    return [folder for folder in sorted(tuned) if folder.name not in names]


def _words_folder(workspace: Workspace) -> Path:
    return workspace.paths.home / _EVALUATION


def _old_words(workspace: Workspace) -> dict[str, list[str]]:
    """All versions but those of the current catalogue: the index is made again when it is needed."""
    products = workspace.lake.current("products").digest
    tags = dropped_tags(_words_folder(workspace), {})
    return {table: [tag for tag in names if not tag.startswith(products)] for table, names in tags.items()}
