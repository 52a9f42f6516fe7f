import numpy as np
import pytest

from mmsearch_dagster.core.personalisation.features import (
    FREQUENCY,
    HOUR_COSINE,
    HOUR_SINE,
    RECENCY,
    Items,
    Pairs,
    People,
    feature_matrix,
    feature_names,
)
from mmsearch_dagster.core.personalisation.spaces import space_of
from tests.core.personalisation.shop import batch

NAN = float("nan")
ITEMS = Items(
    ids=("a", "b"),
    vectors=np.array([[1, 0], [0, 0]], np.float32),
    factors=np.array([[1, 0], [0, 1]], np.float32),
    price=np.array([np.e - 1, NAN]),
    rating=np.array([4.0, NAN]),
    updated=np.array([0.0, NAN]),
    categories=("Shoes", None),
    blocks={"text": (0, 2)},
)
PEOPLE = People(
    vectors=np.array([[3, 4]], np.float32),
    factors=np.array([[0, 2]], np.float32),
    categories=({"Shoes": 0.75},),
    prices=np.array([[2.0, 0.5]]),
    visits=np.array([[3.0, 1.0]]),
)


def pairs(person: int) -> Pairs:
    return Pairs(
        person=np.array([person, person]),
        item=np.array([0, 1]),
        popularity=np.array([0.0, 1.0]),
        order=np.array([0.0, NAN]),
        moment=np.array([6 * 3600.0, 6 * 3600.0]),
        hour=np.array([6.0, 6.0]),
        query={"text": np.array([0.5, NAN])},
    )


def row(person: int, number: int) -> dict[str, float]:
    names = (*feature_names(["text"]), FREQUENCY, RECENCY, HOUR_SINE, HOUR_COSINE)
    values = feature_matrix(pairs(person), PEOPLE, ITEMS, names)[number]
    return dict(zip(names, values.tolist(), strict=True))


def test_each_figure_by_hand() -> None:
    assert row(0, 0) == pytest.approx(
        {
            "order before": 1.0,
            "collaborative": 0.0,
            "category affinity": 0.75,
            "price affinity": -2.0,  # |1 - 2| / 0.5
            "popularity": 0.0,
            "rating": 4.0,
            "freshness": -np.log1p(0.25),
            "visits": np.log(4),
            "days away": np.log(2),
            "hour (sine)": 1.0,
            "hour (cosine)": 0.0,
            "taste text": 0.6,
            "query to text": 0.5,
        },
        abs=1e-9,
    )


def test_what_is_unknown_stays_unknown() -> None:
    found = row(0, 1)
    unknown = {name for name, value in found.items() if np.isnan(value)}
    assert unknown == {
        "order before", "category affinity", "price affinity", "rating", "freshness", "taste text",
        "query to text",
    }  # fmt: skip
    stranger = row(-1, 0)
    assert all(
        np.isnan(stranger[name]) for name in ("collaborative", "taste text", "visits", "price affinity")
    )
    assert stranger["popularity"] == 0.0


def test_a_missing_modality_is_zero_in_its_block_only() -> None:
    space = space_of(batch(), width=4)
    start, stop = space.blocks["image"]
    norms = np.linalg.norm(space.vectors[:, start:stop], axis=1)
    assert norms[3] == 0.0
    assert np.delete(norms, 3) == pytest.approx(1.0)
    assert np.linalg.norm(space.vectors[3]) == pytest.approx(1.0)
