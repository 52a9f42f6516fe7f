"""Where the time of a search goes, one after the other: `python -m tests.bench.serving.stages FOLDER CACHE`.

Prints JSON: kind of search -> stage -> mean milliseconds. Full text and nearest vectors run side by side, so
the whole is less than the sum.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_limits

from mmsearch_dagster.core.retrieval.query import Query
from mmsearch_dagster.serving.engine import Engine
from tests.bench.serving.files import BenchShop

_SEARCHES = 60
WHOLE = "whole"


def stages_of(engine: Engine, queries: list[Query]) -> dict[str, float]:
    """Mean milliseconds of each stage; every query is searched once before."""
    seconds: dict[str, float] = {}
    points = (
        ("encode", engine._encoders, "encode"),
        ("full text", engine.table, "lexical_batch"),
        ("nearest", engine.table, "nearest_batch"),
        ("rank", type(engine._order), "order"),
        ("payload", engine.table, "rows"),
        (WHOLE, engine, "search_batch"),
    )
    for query in queries:
        engine.search_batch([query], k=10)
    originals = [(owner, name, owner.__dict__.get(name)) for _, owner, name in points]
    for stage, owner, name in points:
        setattr(owner, name, _timed(getattr(owner, name), stage, seconds))
    for query in queries:
        engine.search_batch([query], k=10)
    for owner, name, original in originals:
        delattr(owner, name) if original is None else setattr(owner, name, original)
    return {stage: seconds.get(stage, 0.0) * 1000 / len(queries) for stage, _, _ in points}


def _timed(work: Callable[..., Any], stage: str, seconds: dict[str, float]) -> Callable[..., Any]:
    def timed(*arguments: Any, **named: Any) -> Any:
        begun = time.perf_counter()
        result = work(*arguments, **named)
        seconds[stage] = seconds.get(stage, 0.0) + time.perf_counter() - begun
        return result

    return timed


def queries_of(shop: BenchShop, count: int = _SEARCHES) -> dict[str, list[Query]]:
    """Some searches of each kind."""
    words, photos = shop.words()[:count], shop.photos()
    shown = [photos[number % len(photos)] for number in range(len(words))]
    return {
        "words": [Query(text=text) for text in words],
        "photo": [Query(image=photo) for photo in shown],
        "both": [Query(text=text, image=photo) for text, photo in zip(words, shown, strict=True)],
    }


if __name__ == "__main__":
    folder, cache = sys.argv[1:]
    shop = BenchShop(Path(folder), Path(cache))
    engine = shop.engine()
    engine.warm()
    with threadpool_limits(limits=1, user_api="blas"):  # as the API runs it
        print(json.dumps({kind: stages_of(engine, queries) for kind, queries in queries_of(shop).items()}))
