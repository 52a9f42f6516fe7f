"""The log of served features, exactly as the ranker read them, for the next training to learn from."""

import json
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mmsearch_dagster.core.clock import Clock, timestamp
from mmsearch_dagster.core.retrieval.prepared_query import PreparedQuery

if TYPE_CHECKING:
    from mmsearch_dagster.core.ranking.features import RankedCandidates


class FeaturesLog:
    """Appends one line per ranked query to a file per day. Safe to share between threads."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        """folder: made with the first line. clock: names the day."""
        self._folder, self._clock, self._lock = folder, clock, threading.Lock()

    def write(self, release_id: str, query: PreparedQuery, ranked: "RankedCandidates") -> None:
        """Note what the ranker of a release read for one query.

        Args:
            release_id: of the release that answers.
            query: as it was searched.
            ranked: its candidates and their features.
        """
        now = timestamp(self._clock())
        line = json.dumps(
            {"time": now, "release_id": release_id, **_record(query, ranked)}, ensure_ascii=False
        )
        with self._lock:
            self._folder.mkdir(parents=True, exist_ok=True)
            # In one piece: other processes write to the same file.
            with (self._folder / f"{now[:10]}.ndjson").open("ab", buffering=0) as file:
                file.write(f"{line}\n".encode())


def _record(query: PreparedQuery, ranked: "RankedCandidates") -> dict[str, Any]:
    """features: name -> a value per candidate; a feature that all of them lack is left out."""
    from mmsearch_dagster.core.ranking.features import FEATURES

    present = ~np.isnan(ranked.features)
    return {
        "query_id": query.query_id,
        "query": query.text,
        "kind": query.kind,
        "candidates": list(ranked.ids),
        "features": {
            name: [
                _shortest(value) if here else None
                for value, here in zip(ranked.features[:, column], present[:, column], strict=True)
            ]
            for column, name in enumerate(FEATURES)
            if present[:, column].any()
        },
    }


def _shortest(value: np.float32) -> float:
    """The shortest number that is this float32 again."""
    return float(str(value))
