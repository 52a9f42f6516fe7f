"""A search that goes on where it was stopped, and repeats itself from the same seed."""

from pathlib import Path
from typing import Any

import pytest

from mmsearch_dagster.adapters.hyper_parameters.study import (
    FinishedTrial,
    SearchBudget,
    best_trial,
    run_study,
)

pytestmark = pytest.mark.slow

FIRST = {"x": 0.0}


def parabola(trial: Any) -> float:
    x = trial.suggest_float("x", -1.0, 1.0)
    return 1 - (x - 0.5) ** 2


def search(file: Path, trials: int, objective: Any = parabola, minutes: float = 1.0) -> list[FinishedTrial]:
    return run_study(file, "one", objective, first=FIRST, budget=SearchBudget(trials, minutes), seed=7)


def test_the_first_trial_is_what_is_configured_and_a_better_one_is_kept(tmp_path: Path) -> None:
    trials = search(tmp_path / "studies.db", 12)

    assert dict(trials[0].params) == FIRST
    assert len(trials) == 12
    assert best_trial(trials).value > trials[0].value


def test_the_same_seed_gives_the_same_trials(tmp_path: Path) -> None:
    assert search(tmp_path / "a.db", 5) == search(tmp_path / "b.db", 5)


def test_a_search_that_was_stopped_goes_on_to_its_budget_and_no_further(tmp_path: Path) -> None:
    def killed(trial: Any) -> float:
        value = parabola(trial)
        if trial.number == 3:
            raise KeyboardInterrupt
        return value

    with pytest.raises(KeyboardInterrupt):
        search(tmp_path / "studies.db", 6, killed)

    trials = search(tmp_path / "studies.db", 6)

    assert len(trials) == 6
    assert dict(trials[0].params) == FIRST
    assert len({trial.params["x"] for trial in trials}) == 6, "what was tried is not tried again"
    assert search(tmp_path / "studies.db", 6) == trials


def test_the_minutes_end_a_search_after_the_trial_that_is_under_way(tmp_path: Path) -> None:
    assert len(search(tmp_path / "studies.db", 50, minutes=0.0)) <= 1


def test_where_nothing_is_better_the_configured_parameters_win() -> None:
    equal = [FinishedTrial(number, 0.5, {"x": number}) for number in range(3)]

    assert best_trial(equal).number == 0
