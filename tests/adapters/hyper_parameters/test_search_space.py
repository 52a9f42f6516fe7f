"""What a search may change, and that the configured training is a point of it."""

from typing import Any

from mmsearch_dagster.adapters.hyper_parameters.search_space import starting_values, suggested, with_values
from mmsearch_dagster.core.fusion.config import TrainParams

CONFIGURED = TrainParams(steps=60, hidden=32, input_drop={"image": 0.4, "text": 0.1})


class Lowest:
    """Suggests the lower end of every range."""

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        return low

    def suggest_categorical(self, name: str, choices: Any) -> Any:
        return choices[0]


def test_the_first_trial_is_the_configured_training() -> None:
    assert with_values(CONFIGURED, starting_values(CONFIGURED)) == CONFIGURED


def test_a_trial_changes_what_is_searched_and_nothing_else() -> None:
    params = suggested(Lowest(), CONFIGURED)

    assert params.learning_rate == 1e-4
    assert params.hidden == 64
    assert params.input_drop == {"image": 0.0, "text": 0.1}
    assert (params.steps, params.seed, params.width) == (60, 7, CONFIGURED.width)
