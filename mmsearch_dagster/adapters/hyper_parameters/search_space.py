"""Which parameters of a training a search may change, and within which bounds."""

from collections.abc import Mapping
from typing import Any, Protocol

from mmsearch_dagster.core.fusion.config import TrainParams
from mmsearch_dagster.core.modalities import IMAGE

Value = float | int | str
_HIDDEN = (64, 128, 256, 512)
_IMAGE_DROP = "input_drop_image"


class Suggester(Protocol):
    """What suggests values; an Optuna trial is one."""

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float: ...

    def suggest_categorical(self, name: str, choices: Any) -> Any: ...


def suggested(trial: Suggester, params: TrainParams) -> TrainParams:
    """`params` with the values that a trial suggests; what no search changes stays.

    Args:
        trial: suggests each value.
        params: of the configured training.
    """
    floats = {
        "learning_rate": trial.suggest_float("learning_rate", 1e-4, 1e-2, log=True),
        "weight_decay": trial.suggest_float("weight_decay", 1e-4, 1.0, log=True),
        "temperature": trial.suggest_float("temperature", 0.01, 0.3, log=True),
        "drop": trial.suggest_float("drop", 0.0, 0.4),
    }
    hidden = trial.suggest_categorical("hidden", [*dict.fromkeys((*_HIDDEN, params.hidden))])
    image_drop = trial.suggest_float(_IMAGE_DROP, 0.0, 0.8)
    return with_values(params, {**floats, "hidden": hidden, _IMAGE_DROP: image_drop})


def with_values(params: TrainParams, values: Mapping[str, Value]) -> TrainParams:
    """`params` with the values of a finished trial."""
    changed: dict[str, Any] = dict(values)
    image_drop = changed.pop(_IMAGE_DROP)
    changed["input_drop"] = {**params.input_drop, IMAGE: image_drop}
    return TrainParams.model_validate({**params.model_dump(), **changed})


def starting_values(params: TrainParams) -> dict[str, Value]:
    """The configured values, as the first trial of a search."""
    names = ("learning_rate", "weight_decay", "temperature", "drop", "hidden")
    return {name: getattr(params, name) for name in names} | {_IMAGE_DROP: params.input_drop.get(IMAGE, 0.0)}
