"""The ranking stage of a release: a trained ranker and the catalogue's word statistics, in three files."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from mmsearch_dagster.core.digest import digest_of, sha256_bytes
from mmsearch_dagster.core.errors import ReleaseMismatchError
from mmsearch_dagster.core.ranking.cross_fit import CandidateRanker, Trainer
from mmsearch_dagster.core.ranking.features import (
    COLUMN,
    FEATURES,
    Features,
    RankedCandidates,
    RankedQuery,
    RankerInput,
    feature_rows,
)
from mmsearch_dagster.core.ranking.rankers.deep import DeepRanker
from mmsearch_dagster.core.ranking.rankers.deep_training import train_deep
from mmsearch_dagster.core.ranking.rankers.ensemble import EnsembleRanker, train_ensemble
from mmsearch_dagster.core.ranking.rankers.lambdamart import LambdaMartParams
from mmsearch_dagster.core.ranking.rankers.linear import LinearRanker, train_linear
from mmsearch_dagster.core.ranking.rankers.stored import StoredRanker
from mmsearch_dagster.core.ranking.rankers.trees import TreeEnsemble
from mmsearch_dagster.core.ranking.rankers.words_or_photo import ApartRanker, from_arrays, trained_apart
from mmsearch_dagster.core.ranking.statistics import TermStatistics

RANKER_FILE = "ranker.safetensors"
SPEC_FILE = "ranker.json"
STATISTICS_FILE = "term_statistics.json"
# The folder of these files beside a release's weights.
RANKING_FOLDER = "ranking"
FILES = (RANKER_FILE, SPEC_FILE, STATISTICS_FILE)


def trainers(params: LambdaMartParams = LambdaMartParams()) -> Mapping[str, Trainer]:
    """Strategy -> what trains it, simple ones first; `params` say how trees are grown."""
    return {
        "linear": trained_apart(train_linear),
        "ensemble": trained_apart(partial(train_ensemble, params=params)),
        "deep": trained_apart(train_deep),
    }


TRAINERS: Mapping[str, Trainer] = trainers()
# Taken unless another is shown to be better: a linear ranker and trees together were better than either alone
# in every shop measured.
PREFERRED = "ensemble"
# Releases of before have trees alone.
_CLASSES: Mapping[str, type[StoredRanker]] = {
    "linear": LinearRanker,
    "ensemble": EnsembleRanker,
    "deep": DeepRanker,
    "lambdamart": TreeEnsemble,
}


@dataclass(frozen=True)
class FeatureEffect:
    """A feature's value, and what the score would lose with the median of all candidates in its place."""

    feature: str
    value: float
    effect: float


@dataclass(frozen=True)
class RankingStage:
    """Orders the candidates of one query.

    strategy: of TRAINERS, or "lambdamart" in a release of before. features: of FEATURES, what the ranker
    reads; a release of before has fewer.
    """

    strategy: str
    ranker: CandidateRanker
    statistics: TermStatistics
    features: tuple[str, ...] = FEATURES

    def _scores(self, rows: Features) -> list[float]:
        """rows: float32 [n, f] of FEATURES."""
        if self.features != FEATURES:
            rows = rows[:, [COLUMN[name] for name in self.features]]
        return self.ranker.predict(rows).tolist()

    def order(self, query: RankedQuery, given: RankerInput) -> list[tuple[str, float]]:
        """Every candidate with its score, best first, ties by id.

        Args:
            query: its words and what they prefer.
            given: what the retrievers found for it.
        """
        candidates = self.candidates(query, given)
        if not candidates.ids:
            return []
        scores = self._scores(candidates.features)
        ordered = sorted((-score, product) for product, score in zip(candidates.ids, scores, strict=True))
        return [(product, -score) for score, product in ordered]

    def candidates(self, query: RankedQuery, given: RankerInput) -> RankedCandidates:
        """Every candidate with the features that `order` reads."""
        return feature_rows(query, given, self.statistics)

    def effects(self, query: RankedQuery, given: RankerInput, product: str) -> list[FeatureEffect]:
        """What each feature does for one candidate, the strongest first.

        Args:
            query: its words and what they prefer.
            given: what the retrievers found for it.
            product: the candidate; not in the lists: no effect.
        """
        candidates = self.candidates(query, given)
        if product not in candidates.ids:
            return []
        values = candidates.features[candidates.ids.index(product)]
        columns = [column for column in range(len(FEATURES)) if not np.isnan(values[column])]
        usual = np.nanmedian(candidates.features[:, columns], axis=0)
        rows = np.tile(values, (len(columns) + 1, 1))
        for row, (column, value) in enumerate(zip(columns, usual, strict=True), start=1):
            rows[row, column] = value
        score, *without = self._scores(rows)
        effects = [
            FeatureEffect(FEATURES[column], float(values[column]), score - other)
            for column, other in zip(columns, without, strict=True)
        ]
        return sorted(effects, key=lambda effect: -abs(effect.effect))

    def save(self, folder: Path) -> str:
        """Write the three files into `folder`; returns their digest."""
        from safetensors.numpy import save_file

        assert isinstance(self.ranker, (*_CLASSES.values(), ApartRanker))
        folder.mkdir(parents=True, exist_ok=True)
        arrays = {name: np.ascontiguousarray(array) for name, array in self.ranker.arrays().items()}
        save_file(arrays, folder / RANKER_FILE)
        spec = {"strategy": self.strategy, "features": self.features}
        (folder / SPEC_FILE).write_text(json.dumps(spec, indent=2), encoding="utf-8")
        (folder / STATISTICS_FILE).write_text(self.statistics.to_json(), encoding="utf-8")
        return stage_digest(folder)


def stage_digest(folder: Path) -> str:
    """One name for the files of a stage. Raises OSError where one is missing."""
    return digest_of({name: sha256_bytes((folder / name).read_bytes()) for name in FILES})


def load_stage(folder: Path) -> RankingStage:
    """The stage in `folder`.

    Raises:
        ReleaseMismatchError: for missing or damaged files, and for features of another version.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        spec = json.loads((folder / SPEC_FILE).read_text(encoding="utf-8"))
        arrays = load_file(folder / RANKER_FILE)
        statistics = TermStatistics.from_json((folder / STATISTICS_FILE).read_text(encoding="utf-8"))
        ranker = from_arrays(_CLASSES[spec["strategy"]], arrays)
        features = tuple(spec["features"])
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise ReleaseMismatchError(f"the ranking stage in {folder} cannot be read: {error}") from error
    if not set(features) <= set(FEATURES):
        raise ReleaseMismatchError(
            f"the ranking stage in {folder} was trained on other features than this version computes: "
            "run again, or use the version that made the release"
        )
    return RankingStage(spec["strategy"], ranker, statistics, features)
