"""How much each feature moves the scores of a ranker, whatever the ranker is."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mmsearch_dagster.core.ranking.cross_fit import CandidateRanker
from mmsearch_dagster.core.ranking.features import FEATURES, Features
from mmsearch_dagster.core.ranking.training_set import TrainingSet

# Enough to say which feature counts; each costs one scoring per feature.
_QUERIES = 30
_SEED = 7


def feature_importances(ranker: CandidateRanker, training: TrainingSet) -> pl.DataFrame:
    """One row per feature, the strongest first.

    Returns:
        Columns `feature`; `effect`: by how much a candidate's score changes on average when the feature takes
        its median among the query's candidates, in standard deviations of the query's scores; `present`:
        share of the candidates that have the feature.
    """
    drawn = np.random.default_rng(_SEED).permutation(len(training.query_ids))[:_QUERIES]
    part = training.part([training.query_ids[number] for number in drawn])
    effects = np.zeros(len(FEATURES))
    for _, span in part.spans():
        effects += _effects(ranker, part.features[span]) / max(len(part.query_ids), 1)
    present = 1.0 - np.isnan(part.features).mean(axis=0) if len(part.features) else np.zeros(len(FEATURES))
    table = pl.DataFrame({"feature": FEATURES, "effect": effects, "present": present})
    return table.with_columns(pl.col("effect", "present").round(4)).sort(
        "effect", "feature", descending=[True, False]
    )


def _effects(ranker: CandidateRanker, features: Features) -> NDArray[np.float64]:
    """float64 [f] for the candidates of one query, float32 [n, f]."""
    effects = np.zeros(features.shape[1])
    if not len(features):
        return effects
    scores = ranker.predict(features)
    spread = float(scores.std()) or 1.0
    for column in range(features.shape[1]):
        values = features[:, column]
        if np.isnan(values).all() or np.nanmin(values) == np.nanmax(values):
            continue
        changed = features.copy()
        changed[:, column] = np.where(np.isnan(values), values, np.nanmedian(values))
        effects[column] = np.abs(ranker.predict(changed) - scores).mean() / spread
    return effects
