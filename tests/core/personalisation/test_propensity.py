import numpy as np
import pytest

from mmsearch_dagster.core.personalisation.propensity import Propensities, estimate


def clicks(pages: int = 3000, places: int = 5) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Products are shown in an order that has nothing to do with how much they please."""
    rng = np.random.default_rng(2)
    positions = np.tile(np.arange(places), pages)
    features = rng.normal(size=(pages * places, 2))
    pleases = 1 / (1 + np.exp(-(1.5 * features[:, 0] - 0.5)))
    clicked = rng.random(len(positions)) < pleases / (1 + positions)
    return positions, clicked, features


def test_the_true_chance_to_be_looked_at_is_found_again() -> None:
    found = estimate(*clicks())
    assert found.by_position == pytest.approx([1, 1 / 2, 1 / 3, 1 / 4, 1 / 5], abs=0.06)
    assert found == estimate(*clicks())


def test_without_clicks_every_place_counts_the_same() -> None:
    positions, clicked, features = clicks(10)
    assert estimate(positions, np.zeros_like(clicked), features).by_position == (1.0,) * 5


def test_weights_are_clipped_and_deep_places_count_as_the_last() -> None:
    found = Propensities((1.0, 0.5, 0.1))
    positions = np.array([0, 1, 2, 9])
    assert found.weights(positions, 5.0).tolist() == [1.0, 2.0, 5.0, 5.0]
