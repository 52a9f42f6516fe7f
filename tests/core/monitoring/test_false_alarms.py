"""Unchanged data raise fewer than 5 alarms in 100 looks; a planted shift is seen in more than 9 of 10."""

from collections.abc import Callable

import numpy as np
import polars as pl
import pytest

from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.modalities import IMAGE, Matrix, ModalityBatch
from mmsearch_dagster.core.monitoring.behaviour_drift import behaviour_drift, behaviour_findings
from mmsearch_dagster.core.monitoring.drift import data_findings, table_drift
from mmsearch_dagster.core.monitoring.embedding_drift import embedding_drift, embedding_findings
from mmsearch_dagster.core.monitoring.policy import MonitoringPolicy

# Hundreds of simulated looks.
pytestmark = pytest.mark.slow

POLICY = MonitoringPolicy()
RESAMPLINGS, PLANTED = 200, 40
Draw = np.random.Generator


def alarms(look: Callable[[Draw], list[object]], times: int) -> float:
    """Share of looks with a finding."""
    return float(np.mean([bool(look(np.random.default_rng(seed))) for seed in range(times)]))


def products(draw: Draw, size: int = 150, *, dearer: float = 1.0, shoes: float = 0.3) -> pl.DataFrame:
    kinds = draw.choice(["Shoes", "Toys", "Bags"], size, p=[shoes, 0.8 - shoes, 0.2])
    return pl.DataFrame(
        {
            col.CATEGORY: kinds,
            col.BRAND: [f"brand {n}" if n < 60 else None for n in (draw.pareto(1.0, size) * 5).astype(int)],
            col.PRICE: draw.lognormal(3, 0.5, size) * dearer,
            col.IN_STOCK: draw.random(size) < 0.9,
        }
    )


def data_look(**shift: float) -> Callable[[Draw], list[object]]:
    return lambda draw: [*data_findings(table_drift(products(draw), products(draw, **shift)), POLICY)]


def test_unchanged_data_raise_no_alarm() -> None:
    assert alarms(data_look(), RESAMPLINGS) < 0.05


@pytest.mark.parametrize("shift", [{"dearer": 1.5}, {"shoes": 0.65}])
def test_a_planted_shift_of_the_data_is_seen(shift: dict[str, float]) -> None:
    assert alarms(data_look(**shift), PLANTED) > 0.9


def cloud(draw: Draw, kinds: list[int], shift: float) -> Matrix:
    """Vectors around the centre of their kind; the second kind moves by `shift`."""
    centres = np.eye(3, 8) * 2
    centres[1, 5] += shift
    return (centres[kinds] + draw.normal(size=(len(kinds), 8)) * 0.6).astype(np.float32)


def embedding_look(shift: float, *, everything: float = 0.0) -> Callable[[Draw], list[object]]:
    def look(draw: Draw) -> list[object]:
        kinds = [n % 3 for n in range(90)]
        names = {str(n): f"kind {kind}" for n, kind in enumerate(kinds)}
        sides = []
        for moved, offset in ((0.0, 0.0), (shift, everything)):
            vectors = {IMAGE: cloud(draw, kinds, moved) + offset}
            sides.append(ModalityBatch(tuple(names), vectors, {IMAGE: np.ones(90, bool)}))
        return [*embedding_findings(embedding_drift(*sides, categories=(names, names)), POLICY)]

    return look


def test_unchanged_vectors_raise_no_alarm() -> None:
    assert alarms(embedding_look(0.0), RESAMPLINGS) < 0.05


@pytest.mark.parametrize("shift", [{"shift": 2.0}, {"shift": 0.0, "everything": 0.4}], ids=["kind", "all"])
def test_a_planted_shift_of_the_vectors_is_seen(shift: dict[str, float]) -> None:
    assert alarms(embedding_look(**shift), PLANTED) > 0.9


def searches(draw: Draw, *, clicked: float = 0.4, shown: float = 0.95, fashion: int = 0) -> pl.DataFrame:
    size = 400
    names = [f"query {n + fashion}" for n in (draw.pareto(1.2, size) * 3).astype(int)]
    return pl.DataFrame(
        {
            "shown": draw.random(size) < shown,
            "clicked": draw.random(size) < clicked,
            "query": names,
            "words in the query": draw.integers(1, 5, size),
            "with a picture": draw.random(size) < 0.1,
        }
    )


def behaviour_look(**shift: float) -> Callable[[Draw], list[object]]:
    def look(draw: Draw) -> list[object]:
        table = behaviour_drift(searches(draw), searches(draw, **shift), POLICY.confidence)  # type: ignore[arg-type]
        return [*behaviour_findings(table, POLICY)]

    return look


def test_unchanged_behaviour_raises_no_alarm() -> None:
    assert alarms(behaviour_look(), RESAMPLINGS) < 0.05


@pytest.mark.parametrize("shift", [{"clicked": 0.2}, {"shown": 0.8}, {"fashion": 1000}])
def test_a_planted_shift_of_behaviour_is_seen(shift: dict[str, float]) -> None:
    assert alarms(behaviour_look(**shift), PLANTED) > 0.9
