"""Which pairs to grade first."""

import numpy as np
import pytest

from mmsearch_dagster.core.labels.active import LabelRequest, interval_width, label_requests

NOTHING: dict[str, dict[str, int]] = {}


def two_engines(queries: int, seed: int = 1) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """The second swaps some neighbours of the first, and has some products of its own."""
    rng = np.random.default_rng(seed)
    engine, baseline = {}, {}
    for number in range(queries):
        products = [f"p{product}" for product in rng.permutation(40)[:14]]
        engine[f"q{number}"] = products[:10]
        noisy = np.arange(14) + rng.normal(0, 2.5, 14)
        baseline[f"q{number}"] = [products[row] for row in np.argsort(noisy)[:10]]
    return engine, baseline


def graded(pairs: list[LabelRequest]) -> dict[str, dict[str, int]]:
    grades: dict[str, dict[str, int]] = {}
    for pair in pairs:
        grades.setdefault(pair.query_id, {})[pair.product_id] = 0
    return grades


def test_where_two_engines_agree_no_grade_is_missing() -> None:
    same = {"q": ["a", "b", "c"]}
    assert label_requests(same, same, NOTHING, limit=9) == []
    assert interval_width(same, same, NOTHING) == 0.0


def test_what_one_puts_first_and_the_other_leaves_out_is_asked_first() -> None:
    requests = label_requests({"q": ["new", "a", "b"]}, {"q": ["a", "b"]}, NOTHING, limit=9)
    assert [request.product_id for request in requests] == ["new", "a", "b"]
    assert requests[0].weight == 1.0


def test_a_pair_that_has_a_grade_is_not_asked_again() -> None:
    requests = label_requests({"q": ["new", "a"]}, {"q": ["a"]}, {"q": {"new": 0}}, limit=9)
    assert [request.product_id for request in requests] == ["a"]


def test_queries_are_drawn_without_looking_at_the_lists() -> None:
    engine, baseline = two_engines(40)
    drawn = {pair.query_id for pair in label_requests(engine, baseline, NOTHING, limit=80)}
    backwards = {query: products[::-1] for query, products in baseline.items()}
    assert drawn == {pair.query_id for pair in label_requests(engine, backwards, NOTHING, limit=80)}
    assert len(drawn) == 10


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_curve_of_chosen_pairs_lies_below_that_of_random_ones(seed: int) -> None:
    """Interval width against labels, active against random: half the width in about half the labels."""
    engine, baseline = two_engines(30, seed)
    everything = label_requests(engine, baseline, NOTHING, limit=10_000)
    shuffled = [everything[row] for row in np.random.default_rng(seed).permutation(len(everything))]
    counts = np.linspace(0, len(everything), 11).astype(int)
    active, random = (
        [interval_width(engine, baseline, graded(order[:count])) for count in counts]
        for order in (everything, shuffled)
    )
    assert active[0] == random[0]
    assert active[-1] == random[-1] == 0.0
    assert all(chosen < drawn for chosen, drawn in zip(active[1:-1], random[1:-1], strict=True))

    def needed(curve: list[float]) -> int:
        return int(counts[next(row for row, width in enumerate(curve) if width <= curve[0] / 2)])

    assert needed(active) <= 0.6 * needed(random)
