"""The release pointer: the alias `champion` of the registered model, and the only code that moves it.

A move is written down before it is made: the tag `mmsearch.move` on the target says what the ledger will
say. Then the alias moves (one call, the moment of the release), the version that was left is marked if the
move was a rollback, the ledger gets its line, the tag goes. A process killed in between leaves the tag on
the champion, and the next move first finishes what it describes.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from filelock import FileLock
from pydantic import BaseModel, ConfigDict

from mmsearch_dagster.adapters.host.home import writing
from mmsearch_dagster.adapters.registry.ledger import MOVES, Action, Figure, Ledger
from mmsearch_dagster.adapters.registry.pointer import OtherSchemaError, read_pointer
from mmsearch_dagster.adapters.registry.pointer_repair import Repair, VersionState, repair_of
from mmsearch_dagster.adapters.registry.release_list import ReleaseRow, release_rows
from mmsearch_dagster.adapters.registry.store import MlflowStore
from mmsearch_dagster.adapters.registry.tags import (
    INDEX,
    MOVE,
    RELEASE_ID,
    WITHDRAWN,
    decision_of,
    is_whole,
    manifest_of,
)
from mmsearch_dagster.adapters.registry.verdict import APPROVED, REJECTED, verdict_of
from mmsearch_dagster.adapters.registry.versions import MODEL_NAME, ModelVersions
from mmsearch_dagster.core.errors import GateRefusedError, NoReleaseError, ReleaseMismatchError
from mmsearch_dagster.core.gate.decision import Decision
from mmsearch_dagster.core.release import ReleaseManifest
from mmsearch_dagster.core.suggest import did_you_mean

_LOG = logging.getLogger(__name__)
CHAMPION = "champion"
CHALLENGER = "challenger"


@cache
def _warn_of_damage(version: int) -> None:
    """Once in a process: the pointer is read many times in a run."""
    _LOG.warning("the tags of the released model version %d are damaged: it is not compared with", version)


@dataclass(frozen=True)
class PointerMove:
    """Where the pointer is now, and whether this call moved it there."""

    release: ReleaseManifest
    moved: bool


class _Move(BaseModel):
    """A pointer move as the ledger records it. `left` is the version rolled back from."""

    model_config = ConfigDict(frozen=True)

    action: Action
    why: str
    left: int | None = None


class Registry(ModelVersions):
    """Model versions of one home and the pointer to the released one."""

    def __init__(self, store: MlflowStore, ledger: Ledger, *, encoder_cache: Path | None = None) -> None:
        super().__init__(store, encoder_cache=encoder_cache)
        self._ledger = ledger

    def set_challenger(self, version: int) -> None:
        """Name the version that waits for its index checks."""
        self._get(version)
        self._store.connect().set_registered_model_alias(MODEL_NAME, CHALLENGER, str(version))

    def champion(self) -> ReleaseManifest | None:
        """The released version, None before the first release.

        None, too, where somebody damaged its tags: the next release then takes its place. Whoever wants to
        answer from it reads the pointer, which says what is damaged. Most steps of a run read this and
        nothing else of MLflow, so it is read without MLflow where it is as it should be.
        """
        try:
            pointed = read_pointer(self._store.folder, MODEL_NAME, CHAMPION)
        except (OtherSchemaError, ReleaseMismatchError):
            return self._champion_by_mlflow()
        return pointed and pointed.manifest

    def _champion_by_mlflow(self) -> ReleaseManifest | None:
        version = self._champion_version()
        tags = None if version is None else self._whole_tags(version)
        return None if version is None or tags is None else manifest_of(tags, version)

    def _whole_tags(self, version: int) -> Mapping[str, str] | None:
        """Of a version, read once; None, with a warning, where they are damaged."""
        tags = self._get(version).tags
        if is_whole(tags, version):
            return tags
        _warn_of_damage(version)
        return None

    def promote(self, version: int, *, reason: str) -> PointerMove:
        """Point the release at `version`, when its own stored decision allows it.

        The decision is read again from the registry; it must be a pass, name the weights that lie in the
        version's files, and the version must have an index and not be withdrawn. Otherwise
        GateRefusedError names every reason, a line `rejection` is written, and nothing moves. Nothing is
        done when it is the champion already.
        """
        with self._alone():
            self._finish_interrupted_move()
            manifest = self.manifest(version)
            if self._champion_version() == version:
                return PointerMove(manifest, moved=False)
            refusals = self._refusals(version, manifest)
            if refusals:
                self._reject(manifest, refusals)
            self._move(manifest, _Move(action="promotion", why=reason))
            return PointerMove(self.manifest(version), moved=True)

    def rollback(
        self, release_id: str, *, reason: str, check: Callable[[ReleaseManifest], object] | None = None
    ) -> PointerMove:
        """Point the release back at one that was released before, and withdraw the one that is left.

        A withdrawn version is refused by `promote`, so no automatic run brings it back; rolling back *to*
        it does. A release that once passed the gate stays a way back, also when a later comparison refuses
        it: then its successor is what has to go. check: raises what keeps the release from being read here.
        Raises NoReleaseError when `release_id` was never released, GateRefusedError or ReleaseMismatchError
        when it is not whole any more.
        """
        with self._alone():
            self._finish_interrupted_move()
            manifest = self._released(release_id)
            current = self._champion_version()
            if current == manifest.model_version:
                return PointerMove(manifest, moved=False)
            refusals = self._refusals(manifest.model_version, manifest, again=True)
            if refusals:
                raise GateRefusedError(f"{release_id} cannot be served again: {'; '.join(refusals)}")
            if check is not None:
                check(manifest)
            self._move(manifest, _Move(action="rollback", why=reason, left=current))
            return PointerMove(self.manifest(manifest.model_version), moved=True)

    def catch_up(self) -> str | None:
        """Writes down a move that was interrupted after the pointer had moved, or that was made by hand.

        What somebody pointed to by hand stays only where its own stored decision is a pass; else, and where
        the alias or its version was removed, the pointer goes back to the newest release that is whole.

        Returns:
            What was noticed, as a sentence; None where all was in order.
        """
        with self._alone():
            return self._finish_interrupted_move()

    def noticed(self) -> Repair | None:
        """What `catch_up` would do; changes nothing."""
        return repair_of(self._champion_version(), self._states(), self._ledger.lines())

    def write_line(self, action: Action, version: int, why: str, *, who: str | None = None) -> None:
        """A line of the ledger about a version, once: not where the newest line about it says the same."""
        manifest = self.manifest(version)
        about = [line for line in self._ledger.lines() if line.model_version == version]
        if not about or (about[-1].action, about[-1].why) != (action, why):
            self._write(action, manifest, why, who=who)

    def record_refusal(self, version: int) -> None:
        """Write into the ledger, once, that the stored decision of `version` is a refusal."""
        decision = self.decision(version)
        if decision is not None and not decision.passed:
            with self._alone():
                self._write_rejection(self.manifest(version), decision.refusals)

    def withdrawn(self, version: int) -> str | None:
        """Why the version was rolled back from, None when it was not."""
        return self._get(version).tags.get(WITHDRAWN) or None

    def releases(self) -> list[ReleaseRow]:
        """Every version that mmsearch registered, newest first."""
        moved_to = {line.model_version for line in self._ledger.lines() if line.action in MOVES}
        aliases = {"champion": self._champion_version(), "challenger": self._alias(CHALLENGER)}
        return release_rows(self._all(), moved_to=moved_to, **aliases)

    def _refusals(self, version: int, manifest: ReleaseManifest, *, again: bool = False) -> tuple[str, ...]:
        """Why the pointer may not move to the version, from what the registry and the disk say now.

        again: it moves back; what a rollback or a later comparison said of a released version is no reason.
        """
        decision = self.decision(version)
        settled = again and self._was_promoted(version)
        verdict = decision.refusals if decision and not settled else ()
        why = [*verdict, *self._damages(version, manifest, decision)]
        if not again:
            why += self._review_refusals(version, manifest)
        because = self.withdrawn(version)
        if because and not again:
            why.append(
                f"it was withdrawn ({because}); `mmsearch rollback {manifest.release_id}` brings it back"
            )
        return tuple(why)

    def _review_refusals(self, version: int, manifest: ReleaseManifest) -> list[str]:
        """Why a version that a person has to approve may not be served."""
        verdict = verdict_of(self._get(version).tags)
        if verdict is None or verdict.state == APPROVED:
            return []
        if verdict.state == REJECTED:
            return [f"a reviewer decided: {verdict.sentence}"]
        return [f"it waits for a review: `mmsearch approve {manifest.release_id}` lets it pass"]

    def _was_promoted(self, version: int) -> bool:
        """Whether the pointer came to the version through the gate, not by hand."""
        moves = [line for line in self._ledger.lines() if line.action in MOVES]
        return any(line.model_version == version and not line.by_hand for line in moves)

    def _damages(self, version: int, manifest: ReleaseManifest, decision: Decision | None) -> list[str]:
        """What makes the version no whole release, whatever the gate says of it."""
        why: list[str] = []
        if decision is None:
            why.append("no gate decision is stored with it")
        elif decision.weights_sha256 != manifest.weights_sha256:
            why.append("its stored decision is about other weights")
        try:
            self.check_weights(version)
        except ReleaseMismatchError as error:
            why.append(str(error))
        if manifest.index is None:
            why.append("no index version is attached to it")
        return why

    def _reject(self, manifest: ReleaseManifest, refusals: tuple[str, ...]) -> None:
        why = self._write_rejection(manifest, refusals)
        raise GateRefusedError(
            f"release {manifest.release_id} (model version {manifest.model_version}) is refused: {why}"
        )

    def _write_rejection(self, manifest: ReleaseManifest, refusals: tuple[str, ...]) -> str:
        """One ledger line for the same refusal, however often it is met; returns its text."""
        why = "; ".join(refusals)
        about = [line for line in self._ledger.lines() if line.release_id == manifest.release_id]
        if not about or (about[-1].action, about[-1].why) != ("rejection", why):
            self._write("rejection", manifest, why)
        return why

    def _move(self, manifest: ReleaseManifest, move: _Move) -> None:
        version = manifest.model_version
        self.tag(version, MOVE, move.model_dump_json())
        self._store.connect().set_registered_model_alias(MODEL_NAME, CHAMPION, str(version))
        self._settle(manifest, move)

    def _settle(self, manifest: ReleaseManifest, move: _Move) -> None:
        """Everything that follows from a moved alias; may be done twice."""
        client, version = self._store.connect(), str(manifest.model_version)
        if move.action == "rollback":
            if move.left is not None:
                self.tag(move.left, WITHDRAWN, move.why or "rolled back")
            client.delete_model_version_tag(MODEL_NAME, version, WITHDRAWN)
        if not self._is_written(manifest, move):
            self._write(move.action, manifest, move.why)
        client.delete_model_version_tag(MODEL_NAME, version, MOVE)

    def _is_written(self, manifest: ReleaseManifest, move: _Move) -> bool:
        """Whether the ledger's last move is this one; a restoration may lead to where the pointer was."""
        last = self._ledger.last_move()
        if last is None or last.model_version != manifest.model_version:
            return False
        return move.action != "restoration" or (last.action, last.why) == (move.action, move.why)

    def _finish_interrupted_move(self) -> str | None:
        """The ledger and marks catch up with where the alias is, and the alias with what may be served."""
        renamed = self.name_again()
        version = self._champion_version()
        tags = (version and self._whole_tags(version)) or {}
        written = tags.get(MOVE)
        if version and written:
            self._settle(self.manifest(version), _Move.model_validate_json(written))
        repair = repair_of(version, self._states(), self._ledger.lines())
        if repair is not None:
            self._repair(repair)
        return "; ".join(filter(None, (renamed, repair and repair.why))) or None

    def _states(self) -> dict[int, VersionState]:
        return {version: _state_of(version, tags) for version, tags in self.tags().items()}

    def _repair(self, repair: Repair) -> None:
        if repair.by_hand is not None:
            why = "the pointer was moved outside mmsearch" if repair.to else repair.why
            self._write("promotion", self.manifest(repair.by_hand), why, by_hand=True)
        if repair.to is not None:
            _LOG.warning("%s", repair.why)
            self._move(self.manifest(repair.to), _Move(action="restoration", why=repair.why))

    def _write(
        self,
        action: Action,
        manifest: ReleaseManifest,
        why: str,
        *,
        by_hand: bool = False,
        who: str | None = None,
    ) -> None:
        decision = self.decision(manifest.model_version)
        figures: Mapping[str, Figure] = dict(decision.figures()) if decision else {}
        self._ledger.append(
            action,
            release_id=manifest.release_id,
            model_version=manifest.model_version,
            why=why,
            figures=figures,
            by_hand=by_hand,
            who=who,
        )

    def _released(self, release_id: str) -> ReleaseManifest:
        """The version of that id the pointer was on last."""
        moves = [line for line in self._ledger.lines() if line.action in MOVES]
        for line in reversed(moves):
            if line.release_id == release_id:
                return self.manifest(line.model_version)
        hint = did_you_mean(release_id, {line.release_id for line in moves})
        raise NoReleaseError(f"'{release_id}' was never released here; {hint}")

    def _champion_version(self) -> int | None:
        return self._alias(CHAMPION)

    def _alias(self, name: str) -> int | None:
        models = self._store.connect().search_registered_models(f"name = '{MODEL_NAME}'")
        version = models[0].aliases.get(name) if models else None
        return None if version is None else int(version)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        lock = FileLock(self._store.folder / "pointer.lock")
        with writing(self._store.folder.parent):
            self._store.folder.mkdir(parents=True, exist_ok=True)
            lock.acquire()
        try:
            yield
        finally:
            lock.release()


def _state_of(version: int, tags: Mapping[str, str]) -> VersionState:
    decision, verdict = decision_of(tags), verdict_of(tags)
    refusals = list(decision.refusals if decision else ["no gate decision is stored with it"])
    if verdict is not None and verdict.state == REJECTED:
        refusals.append(f"a reviewer decided: {verdict.sentence}")
    release_id = tags.get(RELEASE_ID) if is_whole(tags, version) and tags.get(INDEX) else None
    return VersionState(release_id, tuple(refusals), withdrawn=bool(tags.get(WITHDRAWN)))
