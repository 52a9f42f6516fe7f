"""A release's people and products in arrays, ready to be scored for a person."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.modalities import Matrix
from mmsearch_dagster.core.personalisation.features import (
    Items,
    Pairs,
    People,
    Values,
    feature_matrix,
    hour_of_day,
)
from mmsearch_dagster.core.personalisation.people_state import PeopleState, people_of
from mmsearch_dagster.core.personalisation.person_rows import PersonRanker, PersonRows
from mmsearch_dagster.core.personalisation.propensity import Propensities
from mmsearch_dagster.core.user_profiles import profiles as shoppers

_PAIRS = 200_000


@dataclass(frozen=True)
class Scored:
    """state: people with popularity; items: products, factors included; person and row: id -> row;
    moment: the newest of the products' dates and people's last events, what freshness is counted to; now:
    the moment in which a page is made, seconds since 1970."""

    state: PeopleState
    items: Items
    person: Mapping[str, int]
    row: Mapping[str, int]
    ranker: PersonRanker | None
    moment: float
    now: Callable[[], float]

    @classmethod
    def of(
        cls,
        products: pl.DataFrame,
        people: pl.DataFrame,
        ranker: PersonRanker | None,
        *,
        names: Mapping[str, str],
        blocks: Mapping[str, Sequence[int]] | None,
        now: Callable[[], float],
    ) -> "Scored":
        """From a release's tables. names: this module's `vector`, `factors`, `popularity` -> their
        columns. blocks: modality -> its columns in the vectors, None in releases that did not keep them."""
        vectors = np.ascontiguousarray(products[names["vector"]].to_numpy(), dtype=np.float32)
        factors = np.ascontiguousarray(products[names["factors"]].to_numpy(), dtype=np.float32)
        items = Items(
            ids=tuple(products[col.PRODUCT_ID].to_list()),
            vectors=vectors,
            factors=factors,
            price=products[col.PRICE].to_numpy(),
            rating=products[col.RATING].to_numpy(),
            updated=products[col.UPDATED_AT].to_numpy(),
            categories=tuple(products[col.CATEGORY].to_list()),
            blocks=_blocks(blocks, ranker, vectors.shape[1]),
        )
        profiles = people.head(0) if names["vector"] not in people.columns else people
        frame = _with_stored_vectors(profiles, names, (vectors.shape[1], factors.shape[1]))
        state = PeopleState(
            ids=tuple(frame[col.USER_ID].to_list()),
            people=people_of(frame, vectors.shape[1]),
            popularity=products[names["popularity"]].to_numpy(),
            factors=factors,
            profiles=frame,
        )
        seen = frame[shoppers.AS_OF].dt.epoch("us").max() if frame.height else None
        moment = float(seen) / 1e6 if isinstance(seen, int) else float(np.nanmax(items.updated, initial=0.0))
        return cls(state, items, _row_of_id(state.ids), _row_of_id(items.ids), ranker, moment, now)

    def rows_of(
        self, person: int, rows: NDArray[np.int64], ranks: Values, query: Mapping[str, Values]
    ) -> PersonRows:
        """What the ranker reads of one person (-1 unknown) and the given products.

        ranks: of the order before, from 0, NaN where there is none. query: modality -> cosine.
        """
        return self._rows(np.full(len(rows), person, dtype=np.int64), rows, ranks, query)

    def scores(
        self, person: int, rows: NDArray[np.int64], ranks: Values, query: Mapping[str, Values]
    ) -> Values:
        """The ranker's scores of what `rows_of` describes, [n]."""
        assert self.ranker is not None
        return self.ranker.scores(self.rows_of(person, rows, ranks, query))

    def contributions(
        self, person: int, row: int, rank: float, query: Mapping[str, Values]
    ) -> list[tuple[str, float]]:
        """What made the score of one product: each feature's part, largest first; together they are the
        score."""
        assert self.ranker is not None
        rows = self.rows_of(person, np.array([row], dtype=np.int64), np.array([rank]), query)
        return self.ranker.contributions(rows)

    def _rows(
        self, who: NDArray[np.int64], rows: NDArray[np.int64], ranks: Values, query: Mapping[str, Values]
    ) -> PersonRows:
        assert self.ranker is not None
        pairs = Pairs(
            person=who,
            item=rows,
            popularity=self.state.popularity[rows],
            order=ranks,
            moment=np.full(len(rows), self.moment),
            hour=hour_of_day(np.full(len(rows), self.now())),
            query=query,
        )
        values = feature_matrix(pairs, self.state.people, self.items, self.ranker.spec.features)
        return PersonRows(values, _person_vectors(self.state.people, who), self.items.vectors[rows])

    def responses(self, rows: NDArray[np.int64], query: Mapping[str, Values]) -> Values:
        """Everybody's chance to click a product of a page of these, in their order, [people]: the mean over
        the page of the chance that its place is looked at times the chance of a click once looked at.

        query: modality -> cosine of what the page answers with each product, NaN unknown. Without a ranker:
        the share of people whose mean cosine with the products is lower.
        """
        people = len(self.state.ids)
        if self.ranker is None:
            unit = _unit(self.state.people.vectors) @ _unit(self.items.vectors[rows]).mean(axis=0)
            return unit.argsort(kind="stable").argsort(kind="stable") / people
        step = max(1, _PAIRS // len(rows))
        parts = [
            self._block(np.arange(begin, min(begin + step, people)), rows, query)
            for begin in range(0, people, step)
        ]
        return np.concatenate(parts)

    def _block(self, who: NDArray[np.int64], rows: NDArray[np.int64], query: Mapping[str, Values]) -> Values:
        assert self.ranker is not None
        person, item = np.repeat(who, len(rows)), np.tile(rows, len(who))
        positions = np.arange(len(rows))
        cosines = {name: np.tile(values, len(who)) for name, values in query.items()}
        order = np.tile(positions.astype(np.float64), len(who))
        chance = self.ranker.chances(self.ranker.scores(self._rows(person, item, order, cosines)))
        look = Propensities(self.ranker.spec.propensities).of(positions)
        return (chance.reshape(len(who), len(rows)) * look).mean(axis=1)


def _blocks(
    kept: Mapping[str, Sequence[int]] | None, ranker: PersonRanker | None, width: int
) -> dict[str, tuple[int, int]]:
    if kept is not None:
        return {name: (start, stop) for name, (start, stop) in kept.items()}
    return dict(ranker.spec.blocks) if ranker else {"all": (0, width)}


def _with_stored_vectors(
    people: pl.DataFrame, names: Mapping[str, str], widths: tuple[int, int]
) -> pl.DataFrame:
    """Profiles whose vectors and factors are the ranker's own."""
    if people.height:
        return people.with_columns(
            pl.col(names["vector"]).alias(shoppers.VECTOR), pl.col(names["factors"]).alias(shoppers.FACTORS)
        )
    width, factors = widths
    return people.with_columns(
        pl.lit(None, dtype=pl.Array(pl.Float32, width)).alias(shoppers.VECTOR),
        pl.lit(None, dtype=pl.Array(pl.Float32, factors)).alias(shoppers.FACTORS),
    )


def _person_vectors(people: People, person: NDArray[np.int64]) -> Matrix:
    """Vectors [n, d] of the given rows, zeros for -1."""
    if not len(people):
        return np.zeros((len(person), people.vectors.shape[1]), dtype=np.float32)
    return np.where((person >= 0)[:, None], people.vectors[np.maximum(person, 0)], np.float32(0))


def _row_of_id(ids: tuple[str, ...]) -> dict[str, int]:
    return {key: row for row, key in enumerate(ids)}


def _unit(matrix: Matrix) -> Matrix:
    return matrix / np.maximum(np.linalg.norm(matrix, axis=1, keepdims=True), 1e-9)
