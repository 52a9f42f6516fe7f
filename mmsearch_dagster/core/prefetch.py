"""Work that runs ahead of its consumer, in order and in bounded memory."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain, islice
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def ahead(
    work: Callable[[Item], Result], items: Iterable[Item], *, threads: int, depth: int
) -> Iterator[Result]:
    """`work(item)` for each item, in the items' order, on `threads` threads.

    At most `depth` results are under way or waiting. Raises what `work` raises, at that item's turn;
    what has not begun by then is cancelled. A single item, or all of them for a single thread, is worked on
    by the caller itself, when it is consumed.
    """
    remaining = iter(items)
    first_two = list(islice(remaining, 2))
    if threads == 1 or len(first_two) < 2:
        yield from map(work, chain(first_two, remaining))
        return
    with ThreadPoolExecutor(threads) as pool:
        waiting: deque[Future[Result]] = deque()
        try:
            for item in chain(first_two, remaining):
                waiting.append(pool.submit(work, item))
                if len(waiting) >= depth:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
