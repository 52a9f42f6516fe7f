"""The time of a search with a candidate whose index is built, in turns with the champion."""

import gc
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from mmsearch_dagster.core.errors import MmsearchError
from mmsearch_dagster.core.gate.serving import IndexFigures, ServingFigures, typical_times
from mmsearch_dagster.core.release import ReleaseManifest
from mmsearch_dagster.core.retrieval.query import Query
from mmsearch_dagster.pipeline.release.encoder_upgrade import compared_queries
from mmsearch_dagster.pipeline.workspace import Workspace

if TYPE_CHECKING:
    from mmsearch_dagster.adapters.index.golden_checks import IndexCheck
    from mmsearch_dagster.serving.engine import Engine

_RESULTS = 10
_QUERIES = 12
_ROUNDS = 3
# More time is not spent on it: rounds that would begin later are left out.
_SECONDS = 10.0


def measure_serving(
    workspace: Workspace,
    manifest: ReleaseManifest,
    champion: ReleaseManifest | None,
    checks: "Sequence[IndexCheck]",
) -> ServingFigures:
    """Recall and size of the index, and the time of a search.

    Args:
        workspace: the home.
        manifest: of the candidate, with its index.
        champion: the released engine; None where there is none.
        checks: of the candidate's index; they measured its recall.
    """
    size = index_figures(workspace, manifest)
    if size is None:
        raise MmsearchError(f"no index version is attached to {manifest.release_id}: run again")
    recall, probes = _recall(checks)
    own, other = _times(workspace, manifest, champion) if champion else ({}, {})
    return ServingFigures(
        recall=recall,
        probes=probes,
        index=size,
        champion_index=index_figures(workspace, champion) if champion else None,
        milliseconds=own,
        champion_milliseconds=other,
    )


def index_figures(workspace: Workspace, manifest: ReleaseManifest) -> IndexFigures | None:
    """Of the index version of a release; None where it has none that can be read."""
    if manifest.index is None:
        return None
    try:
        table = workspace.index.open(manifest.index.table, manifest.index.tag)
    except MmsearchError:
        return None
    return IndexFigures(products=table.row_count, size_bytes=table.size_bytes)


def _recall(checks: "Sequence[IndexCheck]") -> tuple[float, int]:
    figures = next((check.figures for check in checks if check.name == "ann_recall"), None)
    return (float(figures["recall_at_10"]), int(figures["queries"])) if figures else (1.0, 0)


def _times(
    workspace: Workspace, manifest: ReleaseManifest, champion: ReleaseManifest
) -> tuple[dict[str, float], dict[str, float]]:
    """Milliseconds by query, of both; nothing where one of them cannot be opened here."""
    try:
        engines = [workspace.released.engine_of(each) for each in (manifest, champion)]
        queries = compared_queries(workspace, manifest.media_root)[:_QUERIES]
        answerable = [query for query in queries if all(_milliseconds(each, query) for each in engines)]
    except MmsearchError:
        return {}, {}
    own, other = times_in_turns(engines[0], engines[1], answerable)
    return own, other


def times_in_turns(
    first: "Engine", second: "Engine", queries: Sequence[Query]
) -> tuple[dict[str, float], dict[str, float]]:
    """Milliseconds of each query in both engines: its shortest of some rounds.

    Both are asked the same query one right after the other, each round the other one first, so that whatever
    else the machine does slows both alike.
    """
    rounds: list[Mapping[str, tuple[float, float]]] = []
    until = time.monotonic() + _SECONDS
    gc.collect()
    for number in range(_ROUNDS):
        if rounds and time.monotonic() > until:
            break
        rounds.append({query.query_id: _pair(first, second, query, number % 2 == 1) for query in queries})
    sides = [
        typical_times([{query: pair[side] for query, pair in times.items()} for times in rounds])
        for side in (0, 1)
    ]
    return sides[0], sides[1]


def _pair(first: "Engine", second: "Engine", query: Query, turned: bool) -> tuple[float, float]:
    if turned:
        later, earlier = _milliseconds(second, query), _milliseconds(first, query)
        return earlier, later
    return _milliseconds(first, query), _milliseconds(second, query)


def _milliseconds(engine: "Engine", query: Query) -> float:
    begun = time.perf_counter()
    engine.search(query, k=_RESULTS)
    return (time.perf_counter() - begun) * 1000
