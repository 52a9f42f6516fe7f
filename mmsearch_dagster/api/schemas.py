"""What the API reads and writes, and how a request of either form becomes a query."""

import base64
import binascii
import json
from typing import Any
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request

from mmsearch_dagster.api.errors import WrongRequestError, validation_message
from mmsearch_dagster.api.upload_limit import MAX_UPLOAD_BYTES, TOO_LARGE
from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.errors import QueryError
from mmsearch_dagster.core.retrieval.rank_fusion import WEIGHTS_HELP
from mmsearch_dagster.core.retrieval.variant_groups import variants_record
from mmsearch_dagster.core.suggest import did_you_mean
from mmsearch_dagster.core.understanding.understood import understood_record
from mmsearch_dagster.serving.engine import MAX_K, Answer, AnswerHit, Query

_FILTER_EXAMPLE = 'price < 50 and category ~ "Shoes" and in_stock'

AS_TYPED_HELP = "search the words as they are: no correction, no bound, no synonym"
IGNORE_HELP = "parts of `understood` that are not to be read: kinds or names"
_USER = "order for this person, an id as the shop's log has it"

_QUERY_ID = "the id of this search in your log; noted where features are logged (`serve --log-features`)"


class RequestBody(BaseModel):
    """Fields of a request and no others."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _fields_that_exist(cls, fields: Any) -> Any:
        for name in fields if isinstance(fields, dict) else ():
            if name not in cls.model_fields:
                written = name.encode("utf-8", "backslashreplace").decode("utf-8")
                raise ValueError(f"there is no field '{written}': {did_you_mean(written, cls.model_fields)}")
        return fields


class SearchRequest(RequestBody):
    """A search as JSON: words, a picture, a voice, or several of them."""

    text: str | None = None
    image_base64: str | None = Field(None, description="a picture file in base64, 20 MB at most")
    audio_base64: str | None = Field(None, description="a recorded voice in base64, 20 MB at most")
    filter: str | None = Field(None, examples=[_FILTER_EXAMPLE])
    k: int = Field(10, ge=1, le=MAX_K)
    weights: dict[str, float] | None = Field(
        None, description=WEIGHTS_HELP, examples=[{"text": 2, "image": 1}]
    )
    user: str | None = Field(None, description=_USER)
    as_typed: bool = Field(False, description=AS_TYPED_HELP)
    ignore: list[str] = Field([], description=IGNORE_HELP, examples=[["price"], ["spelling:blu"]])
    query_id: str = Field("", max_length=200, description=_QUERY_ID)


class ProductHit(BaseModel):
    """branches: the product's rank in each retriever, null where that one did not find it. rules: what the
    shop's rules did to it in a list ordered for a person. variants: how many variants the product has; this
    one fits best. price_from, price_to: their prices, null where none has one."""

    product_id: str
    rank: int
    score: float
    picture: str | None
    branches: dict[str, int | None]
    rules: list[str] = []
    variants: int = 1
    price_from: float | None = None
    price_to: float | None = None
    payload: dict[str, Any]


class TranscriptMessage(BaseModel):
    """The transcript of a voice query. confidence: 0 to 1."""

    text: str
    confidence: float


class UnderstoodPart(BaseModel):
    """One thing that the words say. name: give it back in `ignore` to undo it. effect: first, rewrite,
    expand, filter, prefer or message."""

    name: str
    kind: str
    text: str
    value: str
    effect: str


class UnderstoodMessage(BaseModel):
    """What the words were understood to say. searched: the words after corrections and without bounds.
    expansions: what full-text search reads besides. suggestion: a doubtful correction, not applied."""

    typed: str
    searched: str
    expansions: list[str]
    suggestion: str | None
    parts: list[UnderstoodPart]


class SearchResponse(BaseModel):
    """transcript: null where the query had no voice. order: whether the list is ordered for the user, null
    where none was named. note: where nothing is found or nothing fits, why and what to do, else null.
    understood: null where the query had no words."""

    release_id: str
    kind: str
    took_ms: float
    transcript: TranscriptMessage | None = None
    order: str | None = None
    note: str | None = None
    understood: UnderstoodMessage | None = None
    hits: list[ProductHit]


class Problem(BaseModel):
    error: str
    hint: str


class Health(BaseModel):
    """warning: why the release that the pointer names is not the one that answers, or should not be."""

    status: str
    release_id: str
    warning: str | None = None


_FILES = ("image", "audio")
# Fields of a form that hold JSON, and an example of each.
_FORM_JSON = {"weights": '{"text": 2}', "ignore": '["price"]'}
FORM_FIELDS: dict[str, Any] = {
    "type": "object",
    "properties": {
        "text": {"type": "string"},
        "image": {"type": "string", "format": "binary", "description": "a picture file, 20 MB at most"},
        "audio": {"type": "string", "format": "binary", "description": "a recorded voice, 20 MB at most"},
        "weights": {"type": "string", "description": f"{WEIGHTS_HELP}; as JSON", "example": '{"text": 2}'},
        "filter": {"type": "string", "example": _FILTER_EXAMPLE},
        "user": {"type": "string", "description": _USER},
        "as_typed": {"type": "boolean", "description": AS_TYPED_HELP, "default": False},
        "ignore": {"type": "string", "description": f"{IGNORE_HELP}; as JSON", "example": '["price"]'},
        "query_id": {"type": "string", "maxLength": 200, "description": _QUERY_ID},
        "k": {"type": "integer", "minimum": 1, "maximum": MAX_K, "default": 10},
    },
}
# FastAPI cannot say "a form or JSON" from a signature.
SEARCH_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {"schema": FORM_FIELDS},
            "application/json": {"schema": SearchRequest.model_json_schema()},
        },
    }
}


async def read_search(request: Request) -> tuple[Query, SearchRequest]:
    """The query and its options. Raises WrongRequestError for another form of body."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/json":
        options = _checked(_parsed(await request.body(), "the body is not JSON"))
        image = decoded(options.image_base64, "image_base64")
        return _query(options, image, decoded(options.audio_base64, "audio_base64")), options
    if kind in ("multipart/form-data", "application/x-www-form-urlencoded"):
        return await _read_form(request)
    raise WrongRequestError(f"send multipart/form-data or application/json, not '{kind or 'nothing'}'")


async def _read_form(request: Request) -> tuple[Query, SearchRequest]:
    async with request.form(max_files=len(_FILES), max_fields=10) as form:
        image, voice = [await _uploaded(form, name) for name in _FILES]
        options = _checked(
            {name: _field(name, form[name]) for name in form if name not in _FILES and form[name]}
        )
    return _query(options, image, voice), options


async def _uploaded(form: FormData, name: str) -> bytes | None:
    upload = form.get(name)
    if isinstance(upload, str) and upload:
        raise WrongRequestError(f"field '{name}' must be a file")
    return _within_limit(await upload.read()) if isinstance(upload, UploadFile) else None


def _field(name: str, value: Any) -> Any:
    if name not in _FORM_JSON:
        return value
    return _parsed(value, f"{name}: not JSON, for example {_FORM_JSON[name]}")


def _parsed(content: Any, wrong: str) -> Any:
    """JSON read. Raises WrongRequestError with `wrong` and the reason."""
    try:
        return json.loads(content)
    except RecursionError:
        raise WrongRequestError(f"{wrong}: nested too deep") from None
    except (TypeError, ValueError) as error:
        raise WrongRequestError(f"{wrong}: {error}") from error


def _query(options: SearchRequest, image: bytes | None, voice: bytes | None) -> Query:
    return Query(
        text=options.text,
        image=image or None,
        audio=voice or None,
        weights=options.weights,
        as_typed=options.as_typed,
        ignore=tuple(options.ignore),
        query_id=options.query_id,
    )


def _checked(fields: Any) -> SearchRequest:
    try:
        return SearchRequest.model_validate(fields)
    except ValidationError as error:
        raise WrongRequestError(validation_message(error.errors())) from error


def decoded(text: str | None, name: str) -> bytes | None:
    """The file in the base64 field `name`, with or without the head of a data URL, None where empty.

    Raises QueryError for other text, HTTPException 413 for a file above the limit.
    """
    if not text:
        return None
    try:
        return _within_limit(base64.b64decode(_plain_base64(text), validate=True))
    except (binascii.Error, ValueError) as error:
        raise QueryError(f"{name} is not base64: {error}") from error


def _plain_base64(text: str) -> str:
    """Base64 without the head of a data URL and line breaks, in the usual alphabet, with its padding."""
    body = "".join(text.rpartition(";base64,")[2].split()).replace("-", "+").replace("_", "/").rstrip("=")
    return body + "=" * (-len(body) % 4)


def _within_limit(content: bytes | None) -> bytes | None:
    if content is not None and len(content) > MAX_UPLOAD_BYTES:
        raise HTTPException(413, TOO_LARGE)
    return content


def search_response(answer: Answer, order: str | None = None) -> SearchResponse:
    """An answer as the API writes it; order: what is said about it to a user."""
    return SearchResponse(
        release_id=answer.release_id,
        kind=answer.kind,
        took_ms=round(answer.took_ms, 2),
        transcript=_transcript(answer),
        order=order,
        note=answer.note,
        understood=_understood(answer),
        hits=[_product_hit(hit) for hit in answer.hits],
    )


def _transcript(answer: Answer) -> TranscriptMessage | None:
    transcript = answer.transcript
    return transcript and TranscriptMessage(text=transcript.text, confidence=round(transcript.confidence, 3))


def _understood(answer: Answer) -> UnderstoodMessage | None:
    record = understood_record(answer.understood)
    return UnderstoodMessage.model_validate(record) if record else None


def _product_hit(hit: AnswerHit) -> ProductHit:
    with_images = bool(hit.payload.get(col.IMAGE_URIS))
    return ProductHit(
        product_id=hit.product_id,
        rank=hit.rank,
        score=hit.score,
        picture=f"/media/{quote(hit.product_id, safe='')}" if with_images else None,
        branches=dict(hit.branches),
        rules=list(hit.rules),
        payload=dict(hit.payload),
        **variants_record(hit.variants, hit.payload),
    )
