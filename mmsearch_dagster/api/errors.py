"""Every error as JSON `{error, hint}` with the status that fits whose fault it is."""

from collections.abc import Iterable
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from mmsearch_dagster.api.upload_limit import SMALLER
from mmsearch_dagster.core.errors import (
    IndexCheckError,
    MmsearchError,
    NoReleaseError,
    QueryError,
    ReleaseMismatchError,
)

# The first class that fits decides.
_ANSWERS: tuple[tuple[type[MmsearchError], int, str], ...] = (
    (QueryError, 400, "mend the request: words, a picture, a voice, k and filter are described at /docs"),
    (NoReleaseError, 503, "run `mmsearch run` to make a release, or wait until it is open"),
    (ReleaseMismatchError, 503, "roll back to a release that is whole, or run `mmsearch run` again"),
    (IndexCheckError, 503, "run `mmsearch run` again to build the index anew"),
    (MmsearchError, 500, "the server's log says more"),
)
# Of pydantic's kinds of problems, those that a request meets.
_SENTENCES = {
    "missing": "is missing",
    "int_parsing": "must be a whole number",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "string_type": "must be a text",
    "list_type": "must be a list",
    "dict_type": 'must be an object, such as {{"text": 2}}',
    "model_attributes_type": "must be a JSON object",
    "model_type": "must be a JSON object",
    "greater_than_equal": "must be {ge} or more",
    "less_than_equal": "must be {le} or less",
    "too_long": "has {actual_length} entries, {max_length} at most",
}
_HINTS = {404: "the paths are listed at /docs", 405: "the methods are listed at /docs", 413: SMALLER}


class WrongRequestError(QueryError):
    """A request that is not of the documented form."""


def problem(error: MmsearchError) -> JSONResponse:
    """The answer to one error of the family."""
    if isinstance(error, WrongRequestError):
        return _json(422, str(error), "the form of a request is described at /docs")
    status, hint = next((status, hint) for kind, status, hint in _ANSWERS if isinstance(error, kind))
    return _json(status, str(error), hint)


def validation_message(problems: Iterable[Any]) -> str:
    """What is wrong with a request, field by field, without the values: they may name people."""
    return "; ".join(_field_message(problem) for problem in problems)


def _field_message(problem: Any) -> str:
    name = ".".join(map(str, problem["loc"]))
    if problem["type"] == "value_error":
        return f"{name and f'{name}: '}{problem['ctx']['error']}"
    sentence = _SENTENCES.get(problem["type"])
    text = sentence.format(**problem.get("ctx", {})) if sentence else problem["msg"]
    return f"{name or 'body'}: {text}"


def install(app: FastAPI) -> None:
    """Make `app` answer errors this way."""

    async def family(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, MmsearchError)
        return problem(error)

    async def http(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        hint = _HINTS.get(error.status_code, "the API is described at /docs")
        return _json(error.status_code, str(error.detail), hint)

    async def unexpected(_: Request, error: Exception) -> JSONResponse:
        return _json(500, f"unexpected {type(error).__name__}", "the server's log says more")

    async def fields(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        return problem(WrongRequestError(validation_message(map(_without_location, error.errors()))))

    app.add_exception_handler(MmsearchError, family)
    app.add_exception_handler(RequestValidationError, fields)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(Exception, unexpected)


def _without_location(problem: Any) -> Any:
    """FastAPI's finding as pydantic itself would put it: no `body` or `query` before the field's name."""
    if problem["type"] == "json_invalid":
        return {"type": "json_invalid", "loc": (), "msg": f"not JSON, from character {problem['loc'][-1]} on"}
    return {**problem, "loc": problem["loc"][1:]}


def _json(status: int, error: str, hint: str) -> JSONResponse:
    # Half a surrogate pair, which JSON may carry, has no UTF-8.
    sayable = error.encode("utf-8", "backslashreplace").decode("utf-8")
    return JSONResponse({"error": sayable, "hint": hint}, status_code=status)
