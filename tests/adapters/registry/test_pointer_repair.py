"""Where the pointer goes after somebody's hand was in MLflow."""

from mmsearch_dagster.adapters.registry.ledger import Action, LedgerLine
from mmsearch_dagster.adapters.registry.pointer_repair import VersionState, repair_of

GOOD = {1: VersionState("r-1"), 2: VersionState("r-2")}


def line(version: int, action: Action = "promotion", *, by_hand: bool = False) -> LedgerLine:
    return LedgerLine(
        when="2026-11-22T00:00:00+00:00",
        who="li",
        action=action,
        release_id=f"r-{version}",
        model_version=version,
        why="",
        by_hand=by_hand,
    )


def test_a_pointer_where_the_ledger_left_it_needs_nothing() -> None:
    assert repair_of(2, GOOD, [line(1), line(2)]) is None
    assert repair_of(None, GOOD, []) is None


def test_a_release_that_passed_stays_where_a_hand_put_it_and_the_ledger_notes_it() -> None:
    repair = repair_of(1, GOOD, [line(1), line(2)])
    assert repair is not None
    assert (repair.to, repair.by_hand) == (None, 1)
    assert repair_of(1, GOOD, [line(1), line(2), line(1, by_hand=True)]) is None


def test_from_a_refused_version_the_pointer_goes_back_and_says_why() -> None:
    versions = {**GOOD, 3: VersionState("r-3", ("below the floor",))}
    repair = repair_of(3, versions, [line(1), line(2)])
    assert repair is not None
    assert (repair.to, repair.by_hand) == (2, 3)
    assert (
        "moved by hand to r-3, whose stored decision is no pass (below the floor): it goes back to r-2"
        in repair.why
    )


def test_a_removed_alias_is_set_again() -> None:
    repair = repair_of(None, GOOD, [line(1), line(2)])
    assert repair is not None
    assert (repair.to, repair.why) == (2, "the alias of r-2 was removed in MLflow: it is set again")


def test_where_the_released_version_was_deleted_the_one_before_answers() -> None:
    repair = repair_of(None, {1: GOOD[1]}, [line(1), line(2)])
    assert repair is not None
    assert repair.to == 1
    assert repair.why == "model version 2 (r-2) was deleted in MLflow: r-1 answers again"


def test_a_withdrawn_or_exchanged_version_is_no_way_back() -> None:
    withdrawn = {1: VersionState("r-1", withdrawn=True)}
    exchanged = {1: VersionState("r-9")}
    for versions in (withdrawn, exchanged):
        assert repair_of(None, versions, [line(1), line(2)]) is None


def test_without_a_way_back_a_refused_version_is_noted_once_and_stays() -> None:
    versions = {3: VersionState("r-3", ("below the floor",))}
    first = repair_of(3, versions, [])
    assert first is not None
    assert (first.to, first.by_hand) == (None, 3)
    assert repair_of(3, versions, [line(3, by_hand=True)]) is None


def test_a_hand_that_points_to_a_damaged_version_is_undone() -> None:
    repair = repair_of(3, {**GOOD, 3: VersionState(None)}, [line(2)])
    assert repair is not None
    assert repair.to == 2
