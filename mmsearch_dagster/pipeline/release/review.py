"""Carries out what a person decided about a release that waits: it is released, or it is closed."""

from dataclasses import dataclass

from mmsearch_dagster.adapters.registry.verdict import APPROVED, REJECTED, State
from mmsearch_dagster.core.errors import GateRefusedError, UserError
from mmsearch_dagster.core.release import ReleaseManifest
from mmsearch_dagster.pipeline.release.catalogue_refresh import catalogue_snapshots, republish
from mmsearch_dagster.pipeline.release.reviews import Reviewed, Reviews
from mmsearch_dagster.pipeline.workspace import Workspace


@dataclass(frozen=True)
class RegistryLook:
    """What a look at the registry came to.

    messages: what was noticed and done, for people. approved: versions that were approved when the catalogue
    had moved on: an index of today's catalogue is built for them first, which takes longer than a look may.
    """

    messages: tuple[str, ...] = ()
    approved: tuple[int, ...] = ()


def look_at_registry(workspace: Workspace, *, build: bool = False) -> RegistryLook:
    """Puts the pointer back where a hand moved it wrongly, and carries out what reviewers decided.

    Args:
        workspace: the home.
        build: also build an index where an approved model needs one of today's catalogue.
    """
    if not workspace.paths.mlflow.is_dir():
        return RegistryLook()
    noticed = workspace.registry.catch_up()
    messages, later = [noticed] if noticed else [], list[int]()
    for review in Reviews(workspace.registry).due():
        stale = review.verdict.state == APPROVED and _catalogue_moved_on(workspace, review.manifest)
        if stale and not build:
            later.append(review.manifest.model_version)
        else:
            messages.append(_carry_out(workspace, review, stale=stale))
    return RegistryLook(tuple(messages), tuple(later))


def answer(workspace: Workspace, name: str, state: State, *, note: str, reviewer: str) -> RegistryLook:
    """A reviewer's verdict from the command line, carried out at once.

    Args:
        workspace: the home.
        name: number or release id of the version.
        state: approved or rejected.
        note: goes into the ledger.
        reviewer: who decides.

    Raises:
        NoReleaseError: there is no such version.
        UserError: it is served already, and a rejection would not change that.
        GateRefusedError: the gate refused it: no approval lets it pass.
    """
    manifest = Reviews(workspace.registry).named(name)
    champion = workspace.registry.champion()
    if state == REJECTED and champion is not None and champion.model_version == manifest.model_version:
        raise UserError(f"{manifest.release_id} is served already: `mmsearch rollback` goes back from it")
    decision = workspace.registry.decision(manifest.model_version)
    if state == APPROVED and decision is not None and not decision.passed:
        why = "; ".join(decision.refusals)
        raise GateRefusedError(f"the gate refused {manifest.release_id}, no approval lets it pass: {why}")
    Reviews(workspace.registry).answer(manifest.model_version, state, note=note, reviewer=reviewer)
    return look_at_registry(workspace, build=True)


def _carry_out(workspace: Workspace, review: Reviewed, *, stale: bool) -> str:
    manifest, sentence = review.manifest, review.verdict.sentence
    Reviews(workspace.registry).settle(review)
    if review.verdict.state == REJECTED:
        return f"{manifest.release_id}: {sentence}; it is closed"
    try:
        if stale:
            manifest = republish(workspace, manifest, f"{sentence}; over the catalogue of now")
        else:
            workspace.registry.promote(manifest.model_version, reason=sentence)
    except GateRefusedError as error:
        return f"{manifest.release_id}: {sentence}, but it is not released: {error}"
    return f"{manifest.release_id}: {sentence}; it answers now"


def _catalogue_moved_on(workspace: Workspace, manifest: ReleaseManifest) -> bool:
    """Whether products or vectors changed while the version waited."""
    now = catalogue_snapshots(workspace, manifest)
    return any(manifest.snapshots.get(asset, digest) != digest for asset, digest in now.items())
