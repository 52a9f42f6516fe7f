"""Which features move a ranker's scores."""

import numpy as np

from mmsearch_dagster.core.ranking.features import COLUMN, FEATURES, RankedCandidates
from mmsearch_dagster.core.ranking.rankers.importance import feature_importances
from mmsearch_dagster.core.ranking.rankers.linear import LinearRanker
from mmsearch_dagster.core.ranking.training_set import TrainingSet


def test_the_feature_that_a_ranker_reads_most_comes_first() -> None:
    weights = np.zeros(len(FEATURES))
    weights[COLUMN["lexical_score"]], weights[COLUMN["text_score"]] = 2.0, -1.0
    ranker = LinearRanker(weights, np.zeros(len(FEATURES)), np.ones(len(FEATURES)))
    features = np.random.default_rng(0).normal(size=(20, len(FEATURES))).astype(np.float32)
    features[:, COLUMN["log_price"]] = np.nan
    block = RankedCandidates(tuple(f"p{row}" for row in range(20)), features)

    table = feature_importances(ranker, TrainingSet.of({"q1": block, "q2": block}, {}))

    assert table["feature"].to_list()[:2] == ["lexical_score", "text_score"]
    assert (table["effect"].to_numpy()[2:] == 0.0).all()
    present = dict(table.select("feature", "present").iter_rows())
    assert (present["log_price"], present["text_score"]) == (0.0, 1.0)
