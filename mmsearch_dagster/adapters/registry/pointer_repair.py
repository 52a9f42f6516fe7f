"""Where the release pointer must go after somebody's hand was in MLflow: a pure function of what is there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mmsearch_dagster.adapters.registry.ledger import MOVES, LedgerLine


@dataclass(frozen=True)
class VersionState:
    """A model version as it is now. release_id: None where its tags are damaged.

    refusals: why its own stored decision does not let it be served. withdrawn: it was rolled back from.
    """

    release_id: str | None
    refusals: tuple[str, ...] = ()
    withdrawn: bool = False


@dataclass(frozen=True)
class Repair:
    """What to do about the pointer. to: the version it goes to; None: it stays. why: for people.

    by_hand: the version that somebody pointed to; the ledger notes it first.
    """

    why: str
    to: int | None = None
    by_hand: int | None = None


def repair_of(
    pointed: int | None, versions: Mapping[int, VersionState], lines: Sequence[LedgerLine]
) -> Repair | None:
    """What must be written down, and where the pointer goes; None where nothing is to be done.

    Args:
        pointed: the version that the alias names.
        versions: every version of the registered model.
        lines: of the ledger, oldest first.
    """
    moves = [line for line in lines if line.action in MOVES]
    last = moves[-1] if moves else None
    back = _way_back(moves, versions)
    if pointed is None:
        return _without_alias(last, back, versions) if last else None
    state = versions.get(pointed, VersionState(None))
    if last is not None and last.model_version == pointed and not last.by_hand:
        return None
    if state.release_id is None:
        why = f"the pointer was moved by hand to model version {pointed}, whose tags are damaged"
        return Repair(f"{why}: it goes back to {back.release_id}", to=back.model_version) if back else None
    noted = last is not None and last.model_version == pointed
    if not state.refusals:
        return None if noted else Repair("the pointer was moved outside mmsearch", by_hand=pointed)
    why = (
        f"the pointer was moved by hand to {state.release_id}, whose stored decision is no pass "
        f"({'; '.join(state.refusals)})"
    )
    by_hand = None if noted else pointed
    if back is None:
        return Repair(why, by_hand=by_hand) if by_hand else None
    return Repair(f"{why}: it goes back to {back.release_id}", to=back.model_version, by_hand=by_hand)


def _without_alias(
    last: LedgerLine, back: LedgerLine | None, versions: Mapping[int, VersionState]
) -> Repair | None:
    if back is None:
        return None
    if back.model_version == last.model_version:
        return Repair(
            f"the alias of {last.release_id} was removed in MLflow: it is set again", to=back.model_version
        )
    gone = "was deleted in MLflow" if last.model_version not in versions else "is damaged"
    why = f"model version {last.model_version} ({last.release_id}) {gone}: {back.release_id} answers again"
    return Repair(why, to=back.model_version)


def _way_back(moves: Sequence[LedgerLine], versions: Mapping[int, VersionState]) -> LedgerLine | None:
    """The newest move by the gate, a reviewer or a rollback whose version is still what it was."""
    for line in reversed(moves):
        state = versions.get(line.model_version)
        if state and not line.by_hand and state.release_id == line.release_id and not state.withdrawn:
            return line
    return None
