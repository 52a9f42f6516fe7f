import threading
import time

import pytest

from mmsearch_dagster.core.prefetch import ahead


def test_results_come_in_the_order_of_the_items() -> None:
    def slow_when_small(number: int) -> int:
        time.sleep(0.002 * (5 - number % 5))
        return number * 10

    assert list(ahead(slow_when_small, range(20), threads=4, depth=8)) == [n * 10 for n in range(20)]


def test_it_never_runs_further_ahead_than_its_depth() -> None:
    begun: list[int] = []
    results = ahead(lambda n: begun.append(n) or n, iter(range(1_000)), threads=2, depth=5)
    assert next(results) == 0
    time.sleep(0.05)
    assert len(begun) <= 6
    del results  # a consumer that stops leaves nothing running
    assert len(begun) <= 6


def test_an_error_arrives_at_its_own_turn() -> None:
    def fail_at_three(number: int) -> int:
        if number == 3:
            raise ValueError("three")
        return number

    results = ahead(fail_at_three, range(10), threads=2, depth=4)
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="three"):
        next(results)


def test_nothing_in_nothing_out() -> None:
    assert list(ahead(str, [], threads=2, depth=2)) == []


def test_items_are_worked_on_side_by_side() -> None:
    together = threading.Barrier(3, timeout=5)
    assert len(list(ahead(lambda _: together.wait(), range(3), threads=3, depth=3))) == 3


def test_a_single_item_costs_no_thread() -> None:
    workers = list(ahead(lambda _: threading.current_thread(), [1], threads=2, depth=2))
    assert workers == [threading.current_thread()]
