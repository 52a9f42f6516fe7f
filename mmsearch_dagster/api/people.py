"""The answers for people over HTTP."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI
from pydantic import Field, model_validator

from mmsearch_dagster.api.people_schemas import (
    CampaignResponse,
    ChurnRow,
    ExplainResponse,
    ListedProduct,
    ListResponse,
    ReviewsResponse,
)
from mmsearch_dagster.api.schemas import AS_TYPED_HELP, IGNORE_HELP, RequestBody, decoded
from mmsearch_dagster.core.retrieval.query import Answer, Query
from mmsearch_dagster.core.retrieval.rank_fusion import WEIGHTS_HELP
from mmsearch_dagster.core.retrieval.variant_groups import variants_record
from mmsearch_dagster.serving.engine import MAX_K, Engine
from mmsearch_dagster.serving.lists import Suggestions
from mmsearch_dagster.serving.recommender import Recommender


@dataclass
class PeopleAccess:
    """How the API gets at people. open: engine -> recommender of the same release; hide: raw id ->
    pseudonym."""

    open: Callable[[Engine], Recommender]
    hide: Callable[[str], str]
    _last: Recommender | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def recommender(self, engine: Engine) -> Recommender:
        """Of the engine's release, opened once."""
        with self._lock:
            if self._last is None or self._last.engine is not engine:
                self._last = self.open(engine)
            return self._last

    def search(
        self, engine: Engine, query: Query, user: str, *, k: int, where: str | None
    ) -> tuple[Answer, str]:
        """The answer for one person (a raw id), and what has to be said about its order."""
        return self.recommender(engine).search(query, self.hide(user), k=k, where=where)


class CampaignRequest(RequestBody):
    """A campaign: words, a picture, or both."""

    text: str | None = None
    image_base64: str | None = Field(None, description="a picture file in base64, 20 MB at most")
    k: int = Field(50, ge=1, le=MAX_K)


class ExplainRequest(RequestBody):
    """Why a product stands where it stands for this query, for this person. The query is one of /search."""

    text: str | None = None
    image_base64: str | None = Field(None, description="a picture file in base64, 20 MB at most")
    audio_base64: str | None = Field(None, description="a recorded voice in base64, 20 MB at most")
    weights: dict[str, float] | None = Field(None, description=WEIGHTS_HELP)
    as_typed: bool = Field(False, description=AS_TYPED_HELP)
    ignore: list[str] = Field([], description=IGNORE_HELP)
    product_id: str
    user: str | None = None


class RecommendRequest(RequestBody):
    """Products for one person, for what somebody has just looked at, or both. In the body, not in the path:
    addresses end in logs, ids of people must not."""

    user: str | None = None
    session: list[str] = Field(
        [], max_length=MAX_K, description="ids of the products that the person has just looked at"
    )
    k: int = Field(10, ge=1, le=MAX_K)

    @model_validator(mode="after")
    def _somebody(self) -> "RecommendRequest":
        if self.user is None and not self.session:
            raise ValueError("give a user, products just looked at as session, or both")
        return self


def add_people(
    app: FastAPI, engine: Callable[[], Engine], door: PeopleAccess, responses: dict[int | str, dict[str, Any]]
) -> None:
    """Add the paths to `app`. engine: the one that answers now. responses: the documented errors."""

    def answers() -> Recommender:
        return door.recommender(engine())

    @app.post("/recommend", responses=responses)
    def recommend(body: RecommendRequest) -> ListResponse:
        """Products for one person, led by what was just looked at; popular ones, and that is said, for
        somebody unknown who looked at nothing."""
        recommender = answers()  # first: without a release nothing may be made for the door
        user = door.hide(body.user) if body.user is not None else None
        return _list_response(recommender.recommend(user, session=body.session, k=body.k))

    @app.get("/similar/{product_id:path}", responses=responses)
    def similar(product_id: str, k: int = 10) -> ListResponse:
        """Products like one of the catalogue."""
        return _list_response(answers().similar(product_id, k=k))

    @app.post("/explain", responses=responses)
    def explain(body: ExplainRequest) -> ExplainResponse:
        """What each retriever, modality and feature contributed."""
        recommender = answers()  # first: without a release nothing may be made for the door
        user = door.hide(body.user) if body.user is not None else None
        query = Query(
            text=body.text,
            image=decoded(body.image_base64, "image_base64"),
            audio=decoded(body.audio_base64, "audio_base64"),
            weights=body.weights,
            as_typed=body.as_typed,
            ignore=tuple(body.ignore),
        )
        return ExplainResponse.model_validate(recommender.explain(query, body.product_id, user))

    @app.post("/campaign", responses=responses)
    def campaign(body: CampaignRequest) -> CampaignResponse:
        """The people to show a campaign to (pseudonyms), with their expected response."""
        image = decoded(body.image_base64, "image_base64")
        people = answers().campaign(Query(text=body.text, image=image), k=body.k)
        return CampaignResponse.model_validate(people)

    @app.get("/churn", responses=responses)
    def churn(k: int = 50) -> list[ChurnRow]:
        """The people (pseudonyms) most likely to stay away."""
        return [ChurnRow.model_validate(row) for row in answers().churn(k=k)]

    @app.get("/reviews/{product_id:path}", responses=responses)
    def reviews(product_id: str, k: int = 10) -> ReviewsResponse:
        """A product's smoothed rating and its most useful reviews."""
        return ReviewsResponse.model_validate(answers().reviews(product_id, k=k))


def _list_response(suggestions: Suggestions) -> ListResponse:
    hits = [
        ListedProduct(
            product_id=hit.product_id,
            rank=hit.rank,
            score=hit.score,
            rules=list(hit.rules),
            payload=dict(hit.payload),
            **variants_record(hit.variants, hit.payload),
        )
        for hit in suggestions.hits
    ]
    return ListResponse(
        release_id=suggestions.release_id, order=suggestions.order, note=suggestions.note, hits=hits
    )
