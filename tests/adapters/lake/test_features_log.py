"""What the ranker read is noted, exactly."""

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from mmsearch_dagster.adapters.lake.features_log import FeaturesLog
from mmsearch_dagster.core.ranking.features import FEATURES, RankedQuery, feature_rows
from mmsearch_dagster.core.retrieval.prepared_query import PreparedQuery
from tests.core.ranking.catalogue import GIVEN, STATISTICS

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
QUERY = PreparedQuery("blue shoes", None, "words", query_id="search-1")


def test_a_line_gives_back_the_features_of_every_candidate(tmp_path: Path) -> None:
    ranked = feature_rows(RankedQuery.of(QUERY.text), GIVEN, STATISTICS)

    FeaturesLog(tmp_path / "log", lambda: NOON).write("r-1", QUERY, ranked)

    record = json.loads((tmp_path / "log" / "2026-11-28.ndjson").read_text(encoding="utf-8"))
    assert (record["release_id"], record["query_id"], record["query"]) == ("r-1", "search-1", "blue shoes")
    assert record["candidates"] == list(ranked.ids)
    missing = [None] * len(ranked.ids)
    columns = [record["features"].get(name, missing) for name in FEATURES]
    logged = np.array(columns, dtype=np.float64).T.astype(np.float32)
    assert np.array_equal(logged, ranked.features, equal_nan=True)


def test_each_query_is_a_line_and_each_day_a_file(tmp_path: Path) -> None:
    days = iter([NOON, NOON, NOON.replace(day=29)])
    log = FeaturesLog(tmp_path, lambda: next(days))
    ranked = feature_rows(RankedQuery.of(QUERY.text), GIVEN, STATISTICS)

    for _ in range(3):
        log.write("r-1", QUERY, ranked)

    lines = {file.name: file.read_text(encoding="utf-8").count("\n") for file in tmp_path.iterdir()}
    assert lines == {"2026-11-28.ndjson": 2, "2026-11-29.ndjson": 1}
