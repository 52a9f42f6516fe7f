"""A release's people and products in arrays, ready to be scored by the personal ranker."""

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
    Scaling,
    Values,
    feature_matrix,
    hour_of_day,
)
from mmsearch_dagster.core.personalisation.network import Ranker
from mmsearch_dagster.core.personalisation.people import PeopleState, people_of
from mmsearch_dagster.core.personalisation.propensity import Propensities
from mmsearch_dagster.core.personalisation.training_rows import person_vectors
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
    ranker: Ranker | None
    moment: float
    now: Callable[[], float]

    @classmethod
    def of(
        cls,
        products: pl.DataFrame,
        people: pl.DataFrame,
        ranker: Ranker | None,
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

    def inputs(
        self, person: int, rows: NDArray[np.int64], ranks: Values, query: Mapping[str, Values]
    ) -> tuple[Matrix, Matrix, Matrix]:
        """What the ranker reads of one person (-1 unknown) and the given products: vectors and scaled
        features.

        ranks: of the order before, from 0, NaN where there is none. query: modality -> cosine.
        """
        who = np.full(len(rows), person, dtype=np.int64)
        return self._inputs(who, rows, ranks, query)

    def scores(
        self, person: int, rows: NDArray[np.int64], ranks: Values, query: Mapping[str, Values]
    ) -> Matrix:
        """The ranker's scores of what `inputs` describes, [n]."""
        assert self.ranker is not None
        return self.ranker.scores(*self.inputs(person, rows, ranks, query))

    def contributions(
        self, person: int, rows: NDArray[np.int64], ranks: Values, query: Mapping[str, Values]
    ) -> list[tuple[str, float]]:
        """What made the score of one product (`rows` of length 1): each figure's linear part, largest
        first, and what the network adds. Together with the constant they are the score."""
        assert self.ranker is not None
        network_inputs = self.inputs(person, rows, ranks, query)
        weights = self.ranker.wide.weight.detach().numpy()[0]
        parts = weights * network_inputs[2][0]
        constant = float(self.ranker.wide.bias.detach()[0])
        rest = float(self.ranker.scores(*network_inputs)[0]) - float(parts.sum()) - constant
        named = sorted(
            zip(self.ranker.spec.features, parts.tolist(), strict=True), key=lambda part: -abs(part[1])
        )
        return [*named, ("network (person x product)", rest), ("constant", constant)]

    def _inputs(
        self, who: NDArray[np.int64], rows: NDArray[np.int64], ranks: Values, query: Mapping[str, Values]
    ) -> tuple[Matrix, Matrix, Matrix]:
        assert self.ranker is not None
        spec = self.ranker.spec
        pairs = Pairs(
            person=who,
            item=rows,
            popularity=self.state.popularity[rows],
            order=ranks,
            moment=np.full(len(rows), self.moment),
            hour=hour_of_day(np.full(len(rows), self.now())),
            query=query,
        )
        values = feature_matrix(pairs, self.state.people, self.items, list(spec.blocks), spec.devices)
        scaled = Scaling(spec.mean, spec.spread).apply(values)
        return person_vectors(self.state.people, who), self.items.vectors[rows], scaled

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
        scores = self.ranker.scores(*self._inputs(person, item, order, cosines)).astype(np.float64)
        chance = 0.5 * (1.0 + np.tanh(0.5 * scores))
        look = Propensities(self.ranker.spec.propensities).of(positions)
        return (chance.reshape(len(who), len(rows)) * look).mean(axis=1)


def _blocks(
    kept: Mapping[str, Sequence[int]] | None, ranker: Ranker | None, width: int
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


def _row_of_id(ids: tuple[str, ...]) -> dict[str, int]:
    return {key: row for row, key in enumerate(ids)}


def _unit(matrix: Matrix) -> Matrix:
    return matrix / np.maximum(np.linalg.norm(matrix, axis=1, keepdims=True), 1e-9)
