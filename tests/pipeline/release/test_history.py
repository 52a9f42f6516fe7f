"""The ledger as people read it."""

from mmsearch_dagster.adapters.registry.ledger import Action, LedgerLine
from mmsearch_dagster.pipeline.release.history import history_of


def line(action: Action, release: int) -> LedgerLine:
    return LedgerLine(
        when=f"2026-11-2{release}T00:00:00+00:00",
        who="li",
        action=action,
        release_id=f"r-{release}",
        model_version=release,
        why="",
        figures={"floor": 0.5, "champion": float("nan"), "name": "x"},
    )


def test_a_move_is_undone_by_going_back_to_what_was_served_before_it() -> None:
    lines = [line("promotion", 1), line("rejection", 2), line("promotion", 3), line("rollback", 1)]
    rows = history_of(lines, {"r-1", "r-2", "r-3"})
    assert [(row.line.release_id, row.undo) for row in rows] == [
        ("r-1", "mmsearch rollback r-3"),
        ("r-3", "mmsearch rollback r-1"),
        ("r-2", ""),
        ("r-1", ""),
    ]


def test_what_is_gone_is_nothing_to_go_back_to() -> None:
    lines = [line("promotion", 1), line("promotion", 2)]
    assert history_of(lines, {"r-2"})[0].undo == ""


def test_what_waits_is_approved() -> None:
    (row,) = history_of([line("waiting", 7)], set())
    assert row.undo == "mmsearch approve 7"
    assert row.figures == "floor 0.500, champion nan"
