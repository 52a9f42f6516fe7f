"""A changed catalogue is published under the released model first; no training and no gate is waited for."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from mmsearch_dagster.adapters.lake.snapshots import Facts, Snapshot
from mmsearch_dagster.core.digest import digest_of
from mmsearch_dagster.core.errors import GateRefusedError, MmsearchError, OtherEncoderError
from mmsearch_dagster.core.modalities import COLLABORATIVE, ModalityBatch
from mmsearch_dagster.core.release import TRAINED_PRODUCTS, ReleaseManifest, refresh_id_of
from mmsearch_dagster.core.triggers.refresh_plan import CatalogueChange, Situation, plan_refresh
from mmsearch_dagster.pipeline.features import collaborative
from mmsearch_dagster.pipeline.features.encode import FeatureFacts, asset_of, encode_for_release
from mmsearch_dagster.pipeline.features.index_rows import index_rows
from mmsearch_dagster.pipeline.release.golden_queries import reviewed_queries
from mmsearch_dagster.pipeline.release.index_repair import index_problem
from mmsearch_dagster.pipeline.release.index_version import outcomes_of, raise_if_failed
from mmsearch_dagster.pipeline.report import StepReport, timed
from mmsearch_dagster.pipeline.training.examples import item_views
from mmsearch_dagster.pipeline.triggers.training_state import training_state
from mmsearch_dagster.pipeline.workspace import Workspace

if TYPE_CHECKING:
    from mmsearch_dagster.core.fusion.model import TwoTower
    from mmsearch_dagster.core.release import EncoderIdentity

ASSET = "catalogue_refresh"
# The asset that comes with it: the reason for a training, where there is one.
DUE = "training_due"
CODE_VERSION = "1"
PRODUCTS = "products"


class RefreshFacts(Facts):
    """What a run did about the catalogue. release: the id published now, None where none was."""

    release: str | None
    retrain: bool
    why: str


def refresh_catalogue(
    workspace: Workspace, *, retrain: bool = False, because: str = "", hold: str = ""
) -> tuple[StepReport, RefreshFacts]:
    """Publishes the released model over the current products where they changed, and says what follows.

    Args:
        workspace: with products and features of this run.
        retrain: train in any case. because: why, where there is a reason.
        hold: why nothing may be trained; empty where it may.

    Returns:
        The step's report, and whether models are to be trained, with the reason.

    Raises:
        GateRefusedError: the refreshed release was withdrawn, and nothing else is to be done.
        IndexCheckError: the new index version fails its checks; the served release stays.
    """
    with timed(ASSET) as report:
        noticed = workspace.registry.catch_up() if workspace.paths.mlflow.is_dir() else None
        champion = workspace.registry.champion() if workspace.paths.mlflow.is_dir() else None
        plan = plan_refresh(
            replace(_situation(workspace, champion), forced=retrain, because=because, hold=hold)
        )
        released, why = None, plan.why if noticed is None else f"{noticed}; {plan.why}"
        if champion is not None and plan.republish:
            try:
                released = republish(workspace, champion, plan.why)
            except (GateRefusedError, OtherEncoderError) as error:
                if not plan.retrain:
                    raise
                why = f"{why}; but the released model is not published again: {error}"
        elif champion is not None and (problem := index_problem(workspace, champion)):
            workspace.index.drop_tag(champion.catalogue, champion.release_id)
            _build_index(workspace, champion)
            released, why = champion, f"{problem}: it is built again; {why}"
        facts = RefreshFacts(release=released and released.release_id, retrain=plan.retrain, why=why)
        digest = digest_of({"code": CODE_VERSION, **facts.model_dump()})
        workspace.lake.obtain(ASSET, digest, lambda folder: facts.model_dump())
        report.made, report.digest, report.note = released is not None, digest, why
        report.rows = released.index.rows if released and released.index else 0
        report.metrics = {"release": facts.release, "models are trained": facts.retrain, "why": why}
    return report, facts


def last_refresh(workspace: Workspace) -> RefreshFacts:
    """What the last run did. Raises MmsearchError in a home where none came so far."""
    return RefreshFacts.of(workspace.lake.current(ASSET))


def _situation(workspace: Workspace, champion: ReleaseManifest | None) -> Situation:
    products = workspace.lake.current(PRODUCTS)
    versions = workspace.registry.releases() if workspace.paths.mlflow.is_dir() else []
    trained = next((row.manifest for row in versions if row.manifest.refresh_of is None), None)
    return Situation(
        released=champion is not None,
        forced=False,
        served=_change(workspace, champion, champion and catalogue_snapshots(workspace, champion)),
        trained=_change(workspace, trained, {PRODUCTS: products.digest}),
        state=training_state(workspace),
        trained_on=trained.trained_on if trained else None,
    )


def _change(
    workspace: Workspace, before: ReleaseManifest | None, now: Mapping[str, str] | None
) -> CatalogueChange | None:
    """How the products differ from a release's; None where its snapshots are those of now."""
    if before is None or now is None:
        return None
    if all(before.snapshots.get(asset, digest) == digest for asset, digest in now.items()):
        return None
    products = workspace.lake.current(PRODUCTS).table()
    earlier = workspace.lake.find(PRODUCTS, before.snapshots.get(PRODUCTS, "none"))
    return CatalogueChange.between(earlier.table() if earlier else products.head(0), products)


def catalogue_snapshots(workspace: Workspace, release: ReleaseManifest) -> dict[str, str]:
    """Digests of the current products and of their vectors by the release's encoders."""
    current = workspace.lake.current
    features = [(identity, current(asset_of(identity.modality))) for identity in release.encoders]
    comparable = [
        snapshot
        for identity, snapshot in features
        if FeatureFacts.of(snapshot).encoder in (None, identity.fingerprint)
    ]
    return {snapshot.asset: snapshot.digest for snapshot in (current(PRODUCTS), *comparable)}


def republish(workspace: Workspace, champion: ReleaseManifest, why: str) -> ReleaseManifest:
    """A release of the champion's model over the catalogue of now: registered, indexed, checked, served."""
    manifest = _register(workspace, champion, why)
    if manifest.index is None:
        _build_index(workspace, manifest)
    return workspace.registry.promote(manifest.model_version, reason=why).release


def _register(workspace: Workspace, champion: ReleaseManifest, why: str) -> ReleaseManifest:
    from mmsearch_dagster.adapters.registry.tags import facts_again

    registry = workspace.registry
    decision = registry.decision(champion.model_version)
    if decision is None:
        raise GateRefusedError(f"no gate decision is stored with release {champion.release_id}")
    now = catalogue_snapshots(workspace, champion)
    origin = champion.refresh_of or champion.release_id
    trained_products = champion.snapshots.get(TRAINED_PRODUCTS) or champion.snapshots.get(PRODUCTS)
    facts = facts_again(
        champion,
        decision,
        release_id=refresh_id_of(origin, now),
        refresh_of=origin,
        parent=champion.release_id,
        snapshots={
            **champion.snapshots,
            **now,
            **({TRAINED_PRODUCTS: trained_products} if trained_products else {}),
        },
        media_root=str(workspace.source.root),
        description=f"The model of {origin} over a later catalogue: {why}.",
    )
    return registry.manifest(registry.register_again(champion.model_version, facts))


def _build_index(workspace: Workspace, manifest: ReleaseManifest) -> None:
    """Raises IndexCheckError where the new version is not what it must be."""
    from mmsearch_dagster.core.fusion.model import load_model

    products = workspace.lake.current(PRODUCTS).table()
    model = load_model(workspace.registry.model_folder(manifest.model_version))
    items = _items_for(model, item_views(products, _features(workspace, manifest)))
    rows = index_rows(products, items, model.items(items), model.spec.frames)
    pin = workspace.index.publish(manifest.catalogue, manifest.release_id, rows, progress=workspace.progress)
    reviewed = reviewed_queries(workspace.assets, manifest.catalogue)
    raise_if_failed(outcomes_of(workspace.index.check(pin, products, reviewed=reviewed)))
    workspace.registry.attach_index(manifest.model_version, pin)


def _features(workspace: Workspace, manifest: ReleaseManifest) -> dict[str, Snapshot]:
    """Vectors of the current products in the release's spaces, modality by modality."""
    features = {}
    for identity in manifest.encoders:
        snapshot = workspace.lake.current(asset_of(identity.modality))
        if FeatureFacts.of(snapshot).encoder not in (None, identity.fingerprint):
            snapshot = _encoded_again(workspace, identity)
        features[identity.modality] = snapshot
    factors = workspace.lake.find(collaborative.ASSET, manifest.snapshots.get(collaborative.ASSET, "none"))
    if factors is not None:
        features[COLLABORATIVE] = factors
    return {name: snapshot for name, snapshot in features.items() if snapshot.facts["rows"]}


def _encoded_again(workspace: Workspace, identity: "EncoderIdentity") -> Snapshot:
    try:
        return encode_for_release(workspace, identity)
    except MmsearchError as error:
        raise OtherEncoderError(f"the release's {identity.modality} encoder is not here: {error}") from error


def _items_for(model: "TwoTower", items: ModalityBatch) -> ModalityBatch:
    """`items` with every modality that the model reads; one that no product has any more is missing."""
    missing = {name: width for name, width in model.spec.item_widths.items() if name not in items.vectors}
    nothing = np.zeros(len(items), dtype=bool)
    return replace(
        items,
        vectors={
            **items.vectors,
            **{name: np.zeros((len(items), width), np.float32) for name, width in missing.items()},
        },
        present={**items.present, **dict.fromkeys(missing, nothing)},
    )
