"""Recommendations for people from one release: its engine, and what it knows of people and products.

People are named by their pseudonyms. Nothing here reads the lake, so a rollback brings back the answers too.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mmsearch_dagster.adapters.index.table import PinnedTable
from mmsearch_dagster.adapters.lake import people as files
from mmsearch_dagster.adapters.lake.people import PeopleFiles
from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.errors import QueryError
from mmsearch_dagster.core.modalities import Matrix
from mmsearch_dagster.core.retrieval.prepared_query import PreparedQuery
from mmsearch_dagster.core.retrieval.query import Answer, Query
from mmsearch_dagster.core.suggest import did_you_mean
from mmsearch_dagster.core.user_profiles.churn import CHURN
from mmsearch_dagster.serving.engine import MAX_K, Engine
from mmsearch_dagster.serving.explain import explain, number, query_cosines
from mmsearch_dagster.serving.lists import CANDIDATES, Candidates, Suggestions, listed, ruled_hits

if TYPE_CHECKING:
    from mmsearch_dagster.core.personalisation.people_state import PeopleState
    from mmsearch_dagster.core.personalisation.scoring import Scored

UNPROVEN_NOTE = "the ranker did not prove itself on the test period: take the order of people with care"
RESPONSE_NOTE = "expected response: chance of a click per product of a page with these products"
TASTE_NOTE = "no ranker: expected response is the share of people with less taste for these products"
HIDDEN_NOTE = "the shop's rules hide all that is found: ask for something else, or without a user"
POPULAR_NOTE = "this person is not known here: popular products"


class Recommender:
    """Answers for people. Safe to share between threads: everything is read once and never changed."""

    def __init__(
        self, engine: Engine, people_files: PeopleFiles, *, now: Callable[[], float] = time.time
    ) -> None:
        self._engine, self._files, self._now = engine, people_files, now

    @property
    def release_id(self) -> str:
        return self._engine.manifest.release_id

    @property
    def engine(self) -> Engine:
        return self._engine

    @cached_property
    def _catalogue(self) -> "Scored":
        from mmsearch_dagster.core.personalisation.scoring import Scored

        tables = self._files
        return Scored.of(
            tables.products,
            tables.people,
            tables.ranker,
            names=_COLUMNS,
            blocks=tables.facts.get(files.BLOCKS),
            now=self._now,
        )

    @property
    def _state(self) -> "PeopleState":
        return self._catalogue.state

    def row_of(self, user: str | None) -> int:
        """The person's row, -1 when the release does not know them."""
        return self._catalogue.person.get(user, -1) if user is not None else -1

    def recommend(self, user: str | None = None, *, session: Sequence[str] = (), k: int = 10) -> Suggestions:
        """The `k` best products for one person; popular ones for somebody of whom nothing is known, and that
        is said.

        session: ids of products that the person, known or not, has just looked at. They lead the list and
        are left out of it. Made different by maximal marginal relevance and bent by the shop's rules
        (assets/policies/business.yaml as it was when the release was made). Raises QueryError for a wrong
        `k`, for an unknown product, and where neither a person nor a session is named.
        """
        from mmsearch_dagster.core.personalisation.list_orders import best

        _check_k(k)
        if user is None and not session:
            raise QueryError("name a user, products just looked at, or both")
        for product in session:
            self.check_product(product)
        seen = sorted({self._catalogue.row[key] for key in session if key in self._catalogue.row})
        person = self.row_of(user)
        order, scores, note = self._ordered(person, seen)
        ranked = best(scores, max(CANDIDATES, k) + len(seen))
        rows = ranked[np.isfinite(scores[ranked])]
        items = self._catalogue.items
        candidates = Candidates([items.ids[row] for row in rows], scores[rows], items.vectors[rows])
        hits = listed(self._engine, candidates, self._files.rules, k, bought=self._bought(person))
        return Suggestions(hits, order, note, self.release_id)

    def _ordered(self, person: int, seen: Sequence[int]) -> "tuple[str, NDArray[np.float64], str]":
        """Name, scores and note of the order for a person (-1 unknown) whose session saw these rows."""
        from mmsearch_dagster.core.personalisation.list_orders import (
            POPULAR,
            SESSION,
            led_by_session,
            order_of,
            scores_of,
        )

        state, items, wanted = self._state, self._catalogue.items, self._files.facts["lists"]
        score_of = scores_of(state, items, person)
        order = order_of(score_of, wanted)
        if not seen:
            return (
                order,
                score_of[order],
                POPULAR_NOTE if person < 0 or order != wanted else self._note(order),
            )
        led = f"led by what was just looked at (products: {len(seen)}, left out here)"
        if order == POPULAR:
            note = f"{led}, then by what is popular"
            return SESSION, led_by_session(state, items, seen, None), note
        scores = led_by_session(state, items, seen, score_of[order])
        return f"{SESSION} + {order}", scores, f"{led} and by the person's own history; {self._note(order)}"

    def _bought(self, person: int) -> frozenset[str]:
        people = self._files.people
        if person < 0 or files.BOUGHT not in people.columns:
            return frozenset()
        bought = people[files.BOUGHT][person]
        return frozenset(bought if bought is not None else ())

    def _note(self, order: str) -> str:
        from mmsearch_dagster.core.personalisation.list_orders import POPULAR

        sentences = self._files.list_sentences
        return (
            "; ".join(sentences)
            if order != POPULAR
            else "; ".join([*sentences, "so everybody gets popular products"])
        )

    def similar(self, product: str, *, k: int = 10) -> Suggestions:
        """The `k` products nearest to one of the release, by the fused vector, made different and bent by
        the shop's rules as recommendations are; score is the cosine. Raises QueryError for an unknown
        product."""
        _check_k(k)
        self.check_product(product)
        table = self._engine.table
        _, vectors = table.vectors([product])
        if not len(vectors):
            raise QueryError(f"product '{product}' has no vector: nothing is known of it but its id")
        neighbours = _neighbours(table, product, vectors, max(CANDIDATES, k))
        ranked = listed(self._engine, neighbours, self._files.rules, k)
        return Suggestions(ranked, "similar", f"like {product}", self.release_id)

    def check_product(self, product: str) -> None:
        """Raises QueryError, naming the nearest id, when the release has no such product."""
        product_ids = self._engine.table.product_ids
        if product not in product_ids:
            raise QueryError(f"there is no product '{product}': {did_you_mean(product, product_ids)}")

    def search(
        self, query: Query, user: str | None, *, k: int, where: str | None = None
    ) -> tuple[Answer, str]:
        """The answer to a query for one person, and what has to be said about its order.

        The best 200 are re-ordered, then bent by the shop's rules, when the release's ranker was promoted and
        the person is known; else it is the answer that everybody gets, in the order of relevance. What the
        person bought before keeps its place: they ask for it.
        """
        person = self.row_of(user)
        note = self._why_for_everybody(person)
        if note:
            return self._engine.search(query, k=k, where=where), note
        prepared = replace(
            self._engine.prepare(query), person=_KnownPerson(self._engine, self._catalogue, person)
        )
        wide = self._engine.search(prepared, k=max(k, CANDIDATES), where=where)
        return replace(self._ruled(wide, k), query_id=query.query_id), "ordered for this person"

    def _why_for_everybody(self, person: int) -> str:
        """Why a search is not re-ordered for this person; empty where it is."""
        if person < 0:
            return "this person is not known: the order for everybody"
        if self._files.facts["ranker promoted"]:
            return ""
        return "; ".join(self._files.ranker_sentences) or "no ranker in this release: the order for everybody"

    def _ruled(self, answer: Answer, k: int) -> Answer:
        """The `k` best as the shop wants them; what the query names by its number stays first."""
        named = answer.understood.product_ids if answer.understood else ()
        ruled = ruled_hits(answer.hits, self._files.rules)
        hits = sorted(ruled, key=lambda hit: hit.product_id not in named)[:k]
        note = answer.note if hits or not answer.hits else HIDDEN_NOTE
        return replace(answer, hits=tuple(replace(hit, rank=n) for n, hit in enumerate(hits, 1)), note=note)

    def explain(self, query: Query, product: str, user: str | None = None) -> dict[str, Any]:
        """What each retriever, modality and feature of the ranker contributed (serving.explain).

        note: for a user whose searches are not re-ordered, why; features are then what the ranker would
        count.
        """
        self.check_product(product)
        person = self.row_of(user)
        explanation = explain(
            self._engine, query, product, (self._catalogue, person) if person >= 0 else None
        )
        note = self._why_for_everybody(person) if user is not None else ""
        if note and explanation["features"]:
            note += "; the features are what the ranker would count, they order nothing here"
        return {**explanation, "note": note}

    def campaign(self, query: Query, *, k: int = 50, products: int = 20) -> dict[str, Any]:
        """The `k` people to show a campaign to, by expected response, with the products it stands for.

        response: the chance that this person clicks a product of a page with the `products` best answers to
        the campaign's text and picture, the mean over the page: chance that its place is looked at times
        chance of a click then, by the ranker, which sees how well each product fits the campaign. Without a
        ranker, the share of people with less taste for the products (no chance). The note says which, and
        names a ranker that was not promoted.
        """
        _check_k(k)
        prepared = self._engine.prepare(query)
        answer = self._engine.search(prepared, k=products)
        hits = [hit.product_id for hit in answer.hits]
        catalogue, people = self._catalogue, self._state.ids
        shown = [key for key in hits if key in catalogue.row]
        rows = np.array([catalogue.row[key] for key in shown], dtype=np.int64)
        fit = query_cosines(self._engine, prepared, shown)
        response = catalogue.responses(rows, fit) if len(people) and len(rows) else np.zeros(0)
        best = np.argsort(-np.round(response, 6), kind="stable")[:k]
        note = RESPONSE_NOTE if catalogue.ranker is not None else TASTE_NOTE
        if not self._files.facts["ranker promoted"]:
            note = f"{note}; {UNPROVEN_NOTE}"
        return {
            "release_id": self.release_id,
            "people": [
                {col.USER_ID: people[row], "expected_response": round(float(response[row]), 4)}
                for row in best
            ],
            "products": hits,
            "note": answer.note or (note if len(best) else "nobody is known here"),
        }

    def churn(self, *, k: int = 50) -> list[dict[str, Any]]:
        """The `k` people most likely to stay away: chance, last visit, events."""
        _check_k(k)
        if CHURN not in self._files.people.columns:
            return []
        wanted = (col.USER_ID, CHURN, "last_seen", "events", "monetary")
        rows = self._files.people.sort(CHURN, col.USER_ID, descending=[True, False], nulls_last=True).head(k)
        return rows.select(wanted).to_dicts()

    def reviews(self, product: str, *, k: int = 10) -> dict[str, Any]:
        """Smoothed rating and the `k` most useful reviews of a product; QueryError for an unknown one."""
        _check_k(k)
        self.check_product(product)
        rows = self._files.reviews_of(product)
        return {
            col.PRODUCT_ID: product,
            "smoothed_rating": number(self._files.smoothed_ratings.get(product)),
            "reviews": rows.height,
            "most_useful": rows.head(k).to_dicts(),
        }


@dataclass(frozen=True)
class _KnownPerson:
    """One person of a release, as the ranking stage asks for them. row: of the people."""

    engine: Engine
    catalogue: "Scored"
    row: int

    def scores(self, query: PreparedQuery, product_ids: Sequence[str]) -> NDArray[np.float64]:
        """See `PersonScorer.scores`."""
        row_of = self.catalogue.row
        known = [(rank, product) for rank, product in enumerate(product_ids) if product in row_of]
        rows = np.array([row_of[product] for _, product in known], dtype=np.int64)
        ranks = np.array([rank for rank, _ in known], dtype=np.float64)
        cosines = query_cosines(self.engine, query, [product for _, product in known])
        scores = np.full(len(product_ids), np.nan)
        scores[ranks.astype(np.int64)] = self.catalogue.scores(self.row, rows, ranks, cosines)
        return scores


_COLUMNS = {"vector": files.RANKER_VECTOR, "factors": files.RANKER_FACTORS, "popularity": files.POPULARITY}


def _neighbours(table: PinnedTable, product: str, vectors: Matrix, count: int) -> Candidates:
    """The `count` products nearest to a product of these vectors, by the nearest pair of vectors; no variants
    of the product itself."""
    best: dict[str, float] = {}
    near = chain.from_iterable(table.nearest_batch(vectors, count + 1))
    for hit in sorted(near, key=lambda hit: (-hit.score, hit.product_id)):
        best.setdefault(hit.product_id, hit.score)
    groups = table.variant_groups
    ids = [key for key in best if groups.key(key) != groups.key(product)][:count]
    # What makes a list diverse is the first picture of each.
    first = dict(reversed(list(zip(*table.vectors(ids), strict=True))))
    alike = np.stack([first[key] for key in ids]) if ids else vectors[:0]
    return Candidates(ids, np.array([best[key] for key in ids], dtype=np.float64), alike)


def _check_k(k: int) -> None:
    if isinstance(k, bool) or not isinstance(k, int) or not 1 <= k <= MAX_K:
        raise QueryError(f"k must be a whole number from 1 to {MAX_K}, not {k!r}")
