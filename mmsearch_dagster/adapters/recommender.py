"""Answers for people, from one release: its engine, and what it knows of people and products.

People are named by their pseudonyms. Nothing here reads the lake, so a rollback brings back the answers too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from mmsearch_dagster.adapters import people_files as files
from mmsearch_dagster.adapters.answers import Answer, Query
from mmsearch_dagster.adapters.engine import MAX_K, Engine
from mmsearch_dagster.adapters.people_files import PeopleFiles
from mmsearch_dagster.core import columns as c
from mmsearch_dagster.core.business_rules import apply_rules
from mmsearch_dagster.core.churn import CHURN
from mmsearch_dagster.core.diversity import marginal_relevance
from mmsearch_dagster.core.errors import QueryError
from mmsearch_dagster.core.nearest import did_you_mean
from mmsearch_dagster.core.retrieval import VECTOR, modality_column

if TYPE_CHECKING:
    from mmsearch_dagster.core.ranking.people import Known
    from mmsearch_dagster.core.ranking.scoring import Scored

# How many candidates diversity and the shop's rules choose from, and how many results are re-ordered.
_CANDIDATES = 200
POPULAR_NOTE = "this person is not known here: popular products"


@dataclass(frozen=True)
class Suggestion:
    """One product of a list. rules: what the shop's rules did to it."""

    product_id: str
    score: float
    rank: int
    payload: Mapping[str, Any]
    rules: tuple[str, ...] = ()


@dataclass(frozen=True)
class Suggestions:
    """A list with the order it was made by, and what has to be said about it."""

    hits: tuple[Suggestion, ...]
    order: str
    note: str
    release_id: str


class Recommender:
    """Answers for people. Safe to share between threads: everything is read once and never changed."""

    def __init__(self, engine: Engine, known: PeopleFiles) -> None:
        self._engine, self._files = engine, known

    @property
    def release_id(self) -> str:
        return self._engine.manifest.release_id

    @property
    def engine(self) -> Engine:
        return self._engine

    @cached_property
    def _catalogue(self) -> "Scored":
        from mmsearch_dagster.core.ranking.scoring import Scored

        spec = self._files.ranker.spec if self._files.ranker else None
        return Scored.of(self._files.products, self._files.people, spec, names=_COLUMNS)

    @property
    def _known(self) -> "Known":
        return self._catalogue.known

    def row_of(self, user: str | None) -> int:
        """The person's row, -1 when the release does not know them."""
        return self._catalogue.person.get(user, -1) if user is not None else -1

    def recommend(self, user: str, *, k: int = 10) -> Suggestions:
        """The `k` best products for one person; popular ones for somebody unknown, and that is said.

        Made different by maximal marginal relevance and bent by the shop's rules
        (assets/policies/business.yaml
        as it was when the release was made). Raises QueryError for a wrong `k`.
        """
        from mmsearch_dagster.core.ranking.recommending import POPULAR, best, scores_of

        _check_k(k)
        person = self.row_of(user)
        order = self._files.facts["lists"] if person >= 0 else POPULAR
        scores = scores_of(self._known, self._catalogue.items, person)[order]
        rows = best(scores, max(_CANDIDATES, k))
        note = POPULAR_NOTE if person < 0 else self._note(order)
        return self._listed(rows, scores, k, order, note)

    def _note(self, order: str) -> str:
        from mmsearch_dagster.core.ranking.recommending import POPULAR

        told = [one for one in self._files.facts["sentences"] if one.startswith("lists by")]
        return (
            "; ".join(told) if order != POPULAR else "; ".join([*told, "so everybody gets popular products"])
        )

    def _listed(self, rows: Any, scores: Any, k: int, order: str, note: str) -> Suggestions:
        items, rules = self._catalogue.items, self._files.rules
        trade = 1.0 - rules.diversity
        chosen = [
            int(rows[n]) for n in marginal_relevance(scores[rows], items.vectors[rows], len(rows), trade)
        ]
        # The order is what counts from here on: the rules see evenly spaced scores.
        ranked = [(items.ids[row], 1.0 - n / len(chosen)) for n, row in enumerate(chosen)]
        payload = self._engine.payload([key for key, _ in ranked])
        ruled = apply_rules(ranked, payload, rules)[:k]
        own = {items.ids[row]: float(scores[row]) for row in chosen}
        hits = tuple(
            Suggestion(one.product_id, own[one.product_id], rank, payload[one.product_id], one.rules)
            for rank, one in enumerate(ruled, start=1)
        )
        return Suggestions(hits, order, note, self.release_id)

    def similar(self, product: str, *, k: int = 10) -> Suggestions:
        """The `k` products nearest to one of the release, by the fused vector. Raises QueryError for an
        unknown one."""
        _check_k(k)
        ids, vectors = self._engine.table.matrix()
        self.check_product(product)
        if product not in ids:
            raise QueryError(f"product '{product}' has no vector: nothing is known of it but its id")
        found = self._engine.table.nearest(vectors[ids.index(product)], k + 1)
        hits = [hit for hit in found if hit.product_id != product][:k]
        payload = self._engine.payload([hit.product_id for hit in hits])
        listed = tuple(
            Suggestion(hit.product_id, hit.score, rank, payload[hit.product_id])
            for rank, hit in enumerate(hits, start=1)
        )
        return Suggestions(listed, "similar", f"like {product}", self.release_id)

    def check_product(self, product: str) -> None:
        """Raises QueryError, naming the nearest id, when the release has no such product."""
        known = self._engine.table.product_ids
        if product not in known:
            raise QueryError(f"there is no product '{product}': {did_you_mean(product, known)}")

    def search(
        self, query: Query, user: str | None, *, k: int, where: str | None = None
    ) -> tuple[Answer, str]:
        """The answer to a query for one person, and what has to be said about its order.

        The best 200 are re-ordered when the release's ranker was promoted and the person is known; else it is
        the answer that everybody gets.
        """
        person = self.row_of(user)
        if person < 0:
            return self._engine.search(
                query, k=k, where=where
            ), "this person is not known: the order for everybody"
        if not self._files.facts["ranker promoted"]:
            told = [one for one in self._files.facts["sentences"] if one.startswith("ranker")]
            note = "; ".join(told) or "no ranker in this release: the order for everybody"
            return self._engine.search(query, k=k, where=where), note
        wide = self._engine.search(query, k=max(k, _CANDIDATES), where=where)
        return self._reordered(wide, query, person, k), "ordered for this person"

    def _reordered(self, answer: Answer, query: Query, person: int, k: int) -> Answer:
        from dataclasses import replace

        known = [hit for hit in answer.hits if hit.product_id in self._catalogue.row]
        rows = np.array([self._catalogue.row[hit.product_id] for hit in known], dtype=np.int64)
        ranks = np.array([hit.rank - 1 for hit in known], dtype=np.float64)
        scores = self._scores(person, rows, ranks, self._cosines(query, [hit.product_id for hit in known]))
        order = np.argsort(-np.round(scores, 6), kind="stable")
        rest = [hit for hit in answer.hits if hit.product_id not in self._catalogue.row]
        hits = [replace(known[n], score=float(scores[n])) for n in order] + rest
        return replace(answer, hits=tuple(replace(hit, rank=n) for n, hit in enumerate(hits[:k], start=1)))

    def _scores(self, person: int, rows: Any, ranks: Any, query: Mapping[str, Any]) -> Any:
        assert self._files.ranker is not None
        people, items, figures = self._catalogue.inputs(person, rows, ranks, query)
        return self._files.ranker.scores(people, items, figures)

    def _cosines(self, query: Query, products: Sequence[str]) -> dict[str, Any]:
        """Modality -> cosine of the query's vector with each product's, NaN where either lacks it."""
        _, batch = self._engine.read(query)
        found: dict[str, Any] = {}
        for name, vectors in batch.vectors.items():
            column = modality_column(name)
            if batch.present[name][0] and column in self._engine.table.vector_columns:
                found[name] = self._to_products(vectors[0], products, column)
        return found

    def _to_products(self, vector: Any, products: Sequence[str], column: str) -> Any:
        ids, matrix = self._engine.table.matrix(column)
        place = {key: row for row, key in enumerate(ids)}
        if matrix.shape[1] != len(vector):
            return np.full(len(products), np.nan)
        unit = vector / max(float(np.linalg.norm(vector)), 1e-9)
        values = [
            float(matrix[place[key]] @ unit) / max(float(np.linalg.norm(matrix[place[key]])), 1e-9)
            if key in place
            else np.nan
            for key in products
        ]
        return np.array(values, dtype=np.float64)

    def explain(self, query: Query, product: str, user: str | None = None) -> dict[str, Any]:
        """What each branch, modality and feature of the ranker contributed to one product's place.

        branches: rank there and its share of the blended score, weight / (rrf_k + rank). modalities: cosine
        of the
        query's and the product's own vectors, and how much the cosine of the fused vectors falls without
        that modality of the query. features (for a known person): the ranker's weight times the
        scaled figure; the rest of its score is the network's.
        """
        self.check_product(product)
        content, batch = self._engine.read(query)
        retrieval = self._engine.manifest.retrieval
        answer = self._engine.search(query, k=MAX_K)
        hit = next((one for one in answer.hits if one.product_id == product), None)
        branches = [
            {
                "branch": name,
                "weight": content.weights.get(name, 0.0),
                "rank": rank,
                "share": content.weights.get(name, 0.0) / (retrieval.rrf_k + rank) if rank else 0.0,
            }
            for name, rank in (hit.branches.items() if hit else ())
        ]
        return {
            "release_id": self.release_id,
            c.PRODUCT_ID: product,
            "rank": hit.rank if hit else None,
            "score": hit.score if hit else None,
            "branches": branches,
            "modalities": self._modalities(query, batch, product),
            "features": self._features(query, product, hit.rank if hit else None, user),
        }

    def _modalities(self, query: Query, batch: Any, product: str) -> list[dict[str, Any]]:
        own = self._cosines(query, [product])
        whole = float(self._to_products(self._engine.fused(batch)[0], [product], VECTOR)[0])
        rows = []
        present = [name for name, mask in batch.present.items() if mask[0]]
        for name in present:
            others = [one for one in present if one != name]
            without = (
                float(self._to_products(self._engine.fused(batch.only(*others))[0], [product], VECTOR)[0])
                if others
                else None
            )
            rows.append(
                {
                    "modality": name,
                    "own cosine": _number(own[name][0]) if name in own else None,
                    "fused cosine": _number(whole),
                    "fused without it": _number(without),
                }
            )
        return rows

    def _features(
        self, query: Query, product: str, rank: int | None, user: str | None
    ) -> list[dict[str, Any]]:
        person, ranker = self.row_of(user), self._files.ranker
        if ranker is None or person < 0 or product not in self._catalogue.row:
            return []
        rows = np.array([self._catalogue.row[product]])
        ranks = np.array([np.nan if rank is None else rank - 1.0])
        inputs = self._catalogue.inputs(person, rows, ranks, self._cosines(query, [product]))
        score = float(ranker.scores(*inputs)[0])
        weights = ranker.wide.weight.detach().numpy()[0]
        parts = [
            {"feature": name, "contribution": round(float(weight * value), 4)}
            for name, weight, value in zip(ranker.spec.features, weights, inputs[2][0], strict=True)
        ]
        linear = sum(part["contribution"] for part in parts) + float(ranker.wide.bias.detach()[0])
        return [
            *sorted(parts, key=lambda part: -abs(part["contribution"])),
            {"feature": "network (person x product)", "contribution": round(score - linear, 4)},
        ]

    def campaign(self, query: Query, *, k: int = 50, products: int = 20) -> dict[str, Any]:
        """The `k` people to show a campaign to, by expected response, with the products it stands for.

        response: the chance that this person clicks a product of the campaign that they look at, the mean
        over the `products` best answers to the campaign's text and picture, by the ranker; without one, the
        share of products that the person has less taste for (no chance).
        """
        _check_k(k)
        answer = self._engine.search(query, k=products)
        rows = np.array(
            [
                self._catalogue.row[hit.product_id]
                for hit in answer.hits
                if hit.product_id in self._catalogue.row
            ],
            dtype=np.int64,
        )
        people = self._known.ids
        if not len(people) or not len(rows):
            return {
                "release_id": self.release_id,
                "people": [],
                "products": [],
                "note": "nobody is known here",
            }
        response = self._catalogue.responses(rows, self._files.ranker)
        best = np.argsort(-np.round(response, 6), kind="stable")[:k]
        promoted = self._files.facts["ranker promoted"]
        note = (
            ""
            if promoted
            else "the ranker did not prove itself on the test period: take the order of people with care"
        )
        return {
            "release_id": self.release_id,
            "people": [
                {c.USER_ID: people[row], "expected response": round(float(response[row]), 4)} for row in best
            ],
            "products": [hit.product_id for hit in answer.hits],
            "note": note,
        }

    def churn(self, *, k: int = 50) -> list[dict[str, Any]]:
        """The `k` people most likely to stay away: chance, last visit, events."""
        _check_k(k)
        if CHURN not in self._files.people.columns:
            return []
        wanted = (c.USER_ID, CHURN, "last_seen", "events", "monetary")
        rows = self._files.people.sort(CHURN, c.USER_ID, descending=[True, False], nulls_last=True).head(k)
        return rows.select(wanted).to_dicts()

    def reviews(self, product: str, *, k: int = 10) -> dict[str, Any]:
        """Smoothed rating and the `k` most useful reviews of one product. Raises QueryError for an unknown
        one."""
        _check_k(k)
        self.check_product(product)
        rated = self._files.products.filter(pl.col(c.PRODUCT_ID) == product)[c.RATING]
        rows = self._files.reviews.filter(pl.col(c.PRODUCT_ID) == product)
        return {
            c.PRODUCT_ID: product,
            "smoothed_rating": _number(rated[0]) if len(rated) else None,
            "reviews": rows.height,
            "most_useful": rows.head(k).to_dicts(),
        }


_COLUMNS = {"vector": files.OWN_VECTOR, "factors": files.OWN_FACTORS, "popularity": files.POPULARITY}


def _number(value: float | None) -> float | None:
    return None if value is None or value != value else round(float(value), 4)


def _check_k(k: int) -> None:
    if isinstance(k, bool) or not isinstance(k, int) or not 1 <= k <= MAX_K:
        raise QueryError(f"k must be a whole number from 1 to {MAX_K}, not {k!r}")
