"""YAML that people review in a pull request: read into its model, or one sentence about what is wrong."""

from collections.abc import Sequence
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from mmsearch_dagster.core.errors import ConfigError
from mmsearch_dagster.core.suggest import did_you_mean
from mmsearch_dagster.core.yaml_text import load_yaml

_Model = TypeVar("_Model", bound=BaseModel)


def parse_reviewed(model: type[_Model], text: str, where: str, *, what: str) -> _Model:
    """The `model` in a YAML text. what, where: what it is and its file, for messages.

    What is left out takes its default. Raises ConfigError for YAML that cannot be read, an unknown key (with
    the nearest known one), a value of the wrong type or outside its bounds.
    """
    document = load_yaml(text, f"{what} {where}")
    try:
        return model.model_validate({} if document is None else document)
    except ConfigError as error:  # of a validator that knows more than types
        raise ConfigError(f"{what} {where}: {error}") from error
    except ValidationError as error:
        complaints = "; ".join(_complaint(model, problem) for problem in error.errors())
        raise ConfigError(f"{what} {where}: {complaints}") from error


def _complaint(model: type[BaseModel], error: Any) -> str:
    location = error["loc"]
    key = ".".join(str(part) for part in location) or "the file"
    if error["type"] != "extra_forbidden":
        return f"{key}: {error['msg'].removeprefix('Value error, ')}"
    return f"{key}: unknown key; {did_you_mean(str(location[-1]), _keys_at(model, location))}"


def _keys_at(model: type[BaseModel], location: Sequence[int | str]) -> list[str]:
    """Keys that are allowed where `location`, a path into the file, points."""
    for part in location[:-1]:
        if str(part) in model.model_fields:
            model = _model_in(model.model_fields[str(part)].annotation) or model
    return list(model.model_fields)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The model of a field: its own type, or that of its entries."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((model for argument in get_args(annotation) if (model := _model_in(argument))), None)
