"""Reads the people's files of a release: profiles, ranker, reviews; one folder, part of the model
version."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from mmsearch_dagster.core.catalog.columns import PRODUCT_ID, RATING
from mmsearch_dagster.core.errors import damaged_release
from mmsearch_dagster.core.retrieval.business_rules import BusinessRules

if TYPE_CHECKING:
    from mmsearch_dagster.core.personalisation.person_rows import PersonRanker

FOLDER = "people"
PEOPLE, PRODUCTS, REVIEWS = "people.parquet", "products.parquet", "reviews.parquet"
RULES, FACTS = "business.json", "decision.json"
# Columns beside those of core.user_profiles.profiles: vectors and factors in the ranker's own space.
RANKER_VECTOR, RANKER_FACTORS = "ranker_vector", "ranker_factors"
POPULARITY = "popularity"
# Product ids that a person bought; releases made before it was kept lack it.
BOUGHT = "bought"
# A fact: modality -> its columns in RANKER_VECTOR. Releases made before it was kept lack it.
BLOCKS = "blocks"
_FILES = (PEOPLE, PRODUCTS, REVIEWS, RULES, FACTS, "ranker.json", "ranker.safetensors")


def folder_sha256(folder: Path) -> str:
    """Hex sha256 over the folder's files, those that are there."""
    hasher = hashlib.sha256()
    for name in _FILES:
        if (folder / name).exists():
            hasher.update(name.encode() + hashlib.sha256((folder / name).read_bytes()).digest())
    return hasher.hexdigest()


@dataclass(frozen=True)
class PeopleFiles:
    """Reads the folder; each file at its first use. Nothing changes while a release is served."""

    folder: Path

    @classmethod
    def open(cls, folder: Path, sha256: str) -> "PeopleFiles":
        """Raises ReleaseMismatchError when the files are not those that the manifest names."""
        content = folder_sha256(folder)
        if content != sha256:
            raise damaged_release(
                f"the files about people in {folder} are {content[:12]}, the release was made with "
                f"{sha256[:12]}"
            )
        return cls(folder)

    @cached_property
    def people(self) -> pl.DataFrame:
        """One row per person, sorted by user id."""
        return pl.read_parquet(self.folder / PEOPLE)

    @cached_property
    def products(self) -> pl.DataFrame:
        """One row per product: `product_id`, vector and factors of the ranker, popularity, smoothed
        rating."""
        return pl.read_parquet(self.folder / PRODUCTS)

    @cached_property
    def reviews(self) -> pl.DataFrame:
        """Reviews by product, the most useful of each first, without who wrote them."""
        return pl.read_parquet(self.folder / REVIEWS).sort(PRODUCT_ID, maintain_order=True)

    def reviews_of(self, product: str) -> pl.DataFrame:
        """The reviews of one product, the most useful first; found without a look at the others."""
        return self.reviews.slice(*self._review_rows.get(product, (0, 0)))

    @cached_property
    def _review_rows(self) -> Mapping[str, tuple[int, int]]:
        """Product id -> its first row in `reviews`, and how many it has."""
        rows = self.reviews.with_row_index("row").group_by(PRODUCT_ID).agg(pl.col("row").first(), pl.len())
        return {product: (first, count) for product, first, count in rows.iter_rows()}

    @cached_property
    def smoothed_ratings(self) -> Mapping[str, float]:
        """Product id -> its rating, of those that were rated."""
        return dict(self.products.select(PRODUCT_ID, RATING).drop_nulls().iter_rows())

    @cached_property
    def rules(self) -> BusinessRules:
        return BusinessRules.model_validate_json((self.folder / RULES).read_bytes())

    @cached_property
    def facts(self) -> Mapping[str, Any]:
        """What was decided: `ranker promoted`, `lists`, `reasons`, and figures; and BLOCKS, which lists
        by taste are made with."""
        return json.loads((self.folder / FACTS).read_text(encoding="utf-8"))

    @property
    def ranker_sentences(self) -> list[str]:
        """Why pages of known people are re-ordered, or not; empty without a ranker."""
        return self._sentences("ranker_sentences", former_beginning="ranker")

    @property
    def list_sentences(self) -> list[str]:
        """Why lists for known people have their order; empty where nothing could be compared."""
        return self._sentences("list_sentences", former_beginning="lists by")

    def _sentences(self, fact: str, *, former_beginning: str) -> list[str]:
        """Releases of 0.1.0 keep all sentences in one fact."""
        if fact in self.facts:
            return self.facts[fact]
        return [text for text in self.facts["sentences"] if text.startswith(former_beginning)]

    @cached_property
    def ranker(self) -> "PersonRanker | None":
        """What orders the searches of known people, None where the log was too short to train it."""
        from mmsearch_dagster.core.personalisation.person_ranker import SPEC_FILE, load_person_ranker

        return load_person_ranker(self.folder) if (self.folder / SPEC_FILE).exists() else None
