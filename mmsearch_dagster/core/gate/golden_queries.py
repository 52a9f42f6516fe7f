"""Golden queries: their answer is certain, so an index that does not give it is broken.

Reviewed ones come from YAML files in assets/queries; others are those that the evaluation has seen answered.
"""

from dataclasses import dataclass
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from mmsearch_dagster.core.config_file import parse_reviewed
from mmsearch_dagster.core.errors import ConfigError, QueryError
from mmsearch_dagster.core.modalities import Matrix
from mmsearch_dagster.core.retrieval.filters.language import to_where

WITHIN = 10


class ReviewedQuery(BaseModel):
    """Words, and what must be among the first `within` that full-text search finds for them.

    products: at least one of these ids. where: or at least one product that passes this filter, in the
    language of `core.retrieval.filters.language`. why: for people.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    text: str = Field(min_length=1)
    products: tuple[str, ...] = Field(default=(), strict=False)
    where: str | None = None
    within: int = Field(default=WITHIN, ge=1, le=1000)
    why: str = ""

    @model_validator(mode="after")
    def _has_expected_products(self) -> Self:
        if bool(self.products) == (self.where is not None):
            raise ConfigError(f"query '{self.text}' needs either products or where: what must be found?")
        try:
            to_where(self.where)
        except QueryError as error:
            raise ConfigError(f"query '{self.text}': {error}") from error
        return self


class ReviewedQueries(BaseModel):
    """One file of assets/queries. catalogue: the shop that it is about, as its `source.yaml` names it."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    catalogue: str
    queries: tuple[ReviewedQuery, ...] = Field(strict=False)


def parse_reviewed_queries(text: str, where: str) -> ReviewedQueries:
    """A file's text as it is meant. where: the file. Raises ConfigError for what cannot be."""
    return parse_reviewed(ReviewedQueries, text, where, what="golden queries")


@dataclass(frozen=True)
class GoldenQuery:
    """A query, and what an index must find for it.

    name: for people. products, where: one of these ids, or a product that passes this SQL condition of
    `core.retrieval.filters.language`, must be among the first `within`. text, vector: searched by full text
    and by the fused vector [width]; of both, one finding is enough.
    """

    name: str
    products: frozenset[str] = frozenset()
    where: str | None = None
    text: str | None = None
    vector: Matrix | None = None
    within: int = WITHIN

    @classmethod
    def of(cls, reviewed: ReviewedQuery) -> "GoldenQuery":
        """What a reviewed query asks of the full text."""
        return cls(
            name=reviewed.text,
            products=frozenset(reviewed.products),
            where=to_where(reviewed.where),
            text=reviewed.text,
            within=reviewed.within,
        )
