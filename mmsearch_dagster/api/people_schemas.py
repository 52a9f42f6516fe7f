"""What the answers for people look like as JSON."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from mmsearch_dagster.api.schemas import TranscriptMessage, UnderstoodMessage


class ListedProduct(BaseModel):
    """One product of a list. rules: what the shop's rules did to it. The variants are as in a search."""

    product_id: str
    rank: int
    score: float
    rules: list[str]
    variants: int = 1
    price_from: float | None = None
    price_to: float | None = None
    payload: dict[str, Any]


class ListResponse(BaseModel):
    """A list of products. order: what it is ordered by; note: why."""

    release_id: str
    order: str
    note: str
    hits: list[ListedProduct]


class RetrieverShare(BaseModel):
    """What one retriever contributed. rank: there, null where it did not find the product; share: of the
    blended score."""

    branch: str
    weight: float
    rank: int | None
    share: float | None


class QueryModalityShare(BaseModel):
    """What one modality of the query contributed: cosines of the product with the query's own vector, with
    the fused one, and with the one fused without this modality."""

    modality: str
    own_cosine: float | None
    fused_cosine: float | None
    fused_without_it: float | None


class ProductModalityShare(BaseModel):
    """What one modality of the product contributed: cosines of the query with the product fused again, and
    fused without this modality; brings: their difference."""

    modality: str
    fused_cosine: float | None
    fused_without_it: float | None
    brings: float | None


class FeatureShare(BaseModel):
    """A feature of the ranker and its part of the score."""

    feature: str
    contribution: float


class RankingFeature(BaseModel):
    """A feature of the learned order. effect: what the score would lose with the usual value in its place."""

    feature: str
    value: float | None
    effect: float | None


class ExplainResponse(BaseModel):
    """Why a product stands where it stands. rank, score: null where the query does not find it. order:
    `ranks`, `scores` or `learned`; ranking: the strongest features of a learned order."""

    release_id: str
    product_id: str
    kind: str
    transcript: TranscriptMessage | None
    understood: UnderstoodMessage | None
    rank: int | None
    score: float | None
    order: str
    branches: list[RetrieverShare]
    ranking: list[RankingFeature]
    modalities: list[QueryModalityShare]
    product_modalities: list[ProductModalityShare]
    features: list[FeatureShare]
    note: str


class CampaignPerson(BaseModel):
    """A person (a pseudonym) and their expected response; the note of the answer says what it means."""

    user_id: str
    expected_response: float


class CampaignResponse(BaseModel):
    """products: ids of those that the campaign stands for."""

    release_id: str
    people: list[CampaignPerson]
    products: list[str]
    note: str


class ChurnRow(BaseModel):
    """A person (a pseudonym). churn: chance to stay away; monetary: what their purchases were worth."""

    user_id: str
    churn: float | None
    last_seen: datetime | None
    events: int | None
    monetary: float | None


class ReviewRow(BaseModel):
    """One review; nobody's name is in it. usefulness: 0 to 1."""

    review_id: str | None = None
    product_id: str
    rating: float | None = None
    title: str | None = None
    text: str | None = None
    timestamp: datetime | None = None
    usefulness: float | None = None


class ReviewsResponse(BaseModel):
    """smoothed_rating: of 5, null without a rating. reviews: how many there are."""

    product_id: str
    smoothed_rating: float | None
    reviews: int
    most_useful: list[ReviewRow] = Field(description="the most useful first")
