import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mmsearch_dagster.adapters.registry.ledger import Ledger


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "ledger.ndjson"


@pytest.fixture
def ledger(path: Path) -> Ledger:
    return Ledger(path, clock=lambda: datetime(2026, 11, 22, tzinfo=UTC), user=lambda: "李雷")


def test_a_line_holds_when_who_what_which_why_and_figures(ledger: Ledger, path: Path) -> None:
    ledger.append("promotion", release_id="r-1", model_version=3, why="自动", figures={"ndcg": 0.5})
    assert json.loads(path.read_text(encoding="utf-8")) == {
        "when": "2026-11-22T00:00:00+00:00",
        "who": "李雷",
        "action": "promotion",
        "release_id": "r-1",
        "model_version": 3,
        "why": "自动",
        "figures": {"ndcg": 0.5},
        "by_hand": False,
    }


def test_lines_are_only_ever_added(ledger: Ledger, path: Path) -> None:
    ledger.append("promotion", release_id="r-1", model_version=1, why="")
    before = path.read_bytes()
    ledger.append(
        "rejection", release_id="r-2", model_version=2, why="two\nlines", figures={"x": float("nan")}
    )
    assert path.read_bytes().startswith(before)
    assert [line.action for line in ledger.lines()] == ["promotion", "rejection"]
    assert ledger.lines()[1].why == "two\nlines"


def test_an_unwritten_ledger_is_empty(ledger: Ledger) -> None:
    assert ledger.lines() == []
    assert ledger.last_move() is None


def test_the_last_move_skips_what_moved_nothing(ledger: Ledger) -> None:
    ledger.append("promotion", release_id="r-1", model_version=1, why="")
    ledger.append("rejection", release_id="r-2", model_version=2, why="")
    last = ledger.last_move()
    assert last is not None
    assert last.release_id == "r-1"


@pytest.mark.parametrize("kept", [1, 40, -2])
def test_a_torn_last_line_is_skipped_and_the_next_one_is_whole(ledger: Ledger, path: Path, kept: int) -> None:
    ledger.append("promotion", release_id="r-1", model_version=1, why="")
    first = path.read_bytes()
    ledger.append("rollback", release_id="r-2", model_version=2, why="é")
    torn = path.read_bytes()[len(first) :][:kept]
    path.write_bytes(first + torn)
    assert [line.release_id for line in ledger.lines()] == ["r-1"]
    ledger.append("promotion", release_id="r-3", model_version=3, why="")
    assert [line.release_id for line in ledger.lines()] == ["r-1", "r-3"]


def test_a_whole_line_without_its_newline_counts(ledger: Ledger, path: Path) -> None:
    ledger.append("promotion", release_id="r-1", model_version=1, why="")
    path.write_bytes(path.read_bytes().rstrip(b"\n"))
    ledger.append("promotion", release_id="r-2", model_version=2, why="")
    assert [line.release_id for line in ledger.lines()] == ["r-1", "r-2"]


def test_writers_at_the_same_time_lose_no_line(path: Path) -> None:
    def write(number: int) -> None:
        Ledger(path).append("approval", release_id=f"r-{number}", model_version=number, why="x" * 500)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(40)))
    assert sorted(line.model_version for line in Ledger(path).lines()) == list(range(40))


def test_only_a_typed_field_says_that_a_pointer_was_moved_by_hand(ledger: Ledger) -> None:
    said = "the pointer was moved outside mmsearch"
    ledger.append("promotion", release_id="r-1", model_version=1, why=said)
    ledger.append("promotion", release_id="r-2", model_version=2, why="anything", by_hand=True)
    assert [line.by_hand for line in ledger.lines()] == [False, True]


def test_lines_of_0_1_0_are_read(ledger: Ledger, path: Path) -> None:
    former = (
        '{"when":"2026-11-27T19:39:12+00:00","who":"root","action":"promotion","release_id":"r-b86613dbbf",'
        '"model_version":1,"why":"WHY","figures":{"floor":0.83}}\n'
    )
    passed, moved = "gate passed for attention", "the pointer was moved outside mmsearch"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(former.replace("WHY", passed) + former.replace("WHY", moved), encoding="utf-8")
    assert [(line.why, line.by_hand) for line in ledger.lines()] == [(passed, False), (moved, True)]
    assert ledger.lines()[0].figures == {"floor": 0.83}


def test_after_the_clock_was_set_back_no_line_is_dated_before_the_one_above(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    times = iter([datetime(2026, 11, 22, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC)])
    ledger = Ledger(path, clock=lambda: next(times), user=lambda: "li")
    for version in (1, 2):
        ledger.append("promotion", release_id=f"r-{version}", model_version=version, why="")
    assert [line.when for line in ledger.lines()] == ["2026-11-22T00:00:00+00:00"] * 2
    assert "the clock was set back" in caplog.text
