"""`python -m tests.bench.transfer_ranking A B`: a ranker of one shop orders another's candidates, both ways.

All judged queries with words of one home train it, those of the other measure it, beside stemmed BM25 and the
same ranker cross-fitted there. BM25 and the encoders bring the candidates, as in `mmsearch bench ranking`.
"""

import argparse
from pathlib import Path

import numpy as np

from mmsearch_dagster.core.evaluation.judged_queries import score
from mmsearch_dagster.core.metrics.bootstrap import interval, paired_difference
from mmsearch_dagster.core.ranking.cross_fit import folds_of, out_of_fold_scores
from mmsearch_dagster.core.ranking.rankers.stage import TRAINERS
from mmsearch_dagster.pipeline.ranking.ranking_cross_fit import JudgedCandidates
from mmsearch_dagster.pipeline.workspace import Workspace
from mmsearch_dagster.settings import Settings

SEED = 7


def transfer(there: JudgedCandidates, here: JudgedCandidates, metric: str) -> None:
    """Trains there, measures here, prints.

    Args:
        there: candidates of the shop that trains.
        here: of the shop that measures.
        metric: of `core.metrics`.
    """
    folds = folds_of(here.texts, seed=SEED)
    rankings = {"stemmed BM25": {key: list(products) for key, products in here.baseline.items()}}
    for name, train in TRAINERS.items():
        scores = np.asarray(train(there.training).predict(here.training.features))
        rankings[f"{name}, trained there"] = here.training.rankings(scores)
        rankings[f"{name}, cross-fitted here"] = here.training.rankings(
            out_of_fold_scores(here.training, folds, train)
        )
    values = {name: score(found, here.grades, metric) for name, found in rankings.items()}
    ids = sorted(here.grades)
    columns = {name: [by_query[key] for key in ids] for name, by_query in values.items()}
    print(f"{len(there.texts)} queries there, {len(ids)} here, {metric}")
    for name, column in columns.items():
        shown = interval(column, seed=SEED)
        gap = paired_difference(column, columns["stemmed BM25"], seed=SEED)
        print(
            f"| {name} | {shown.mean:.3f} [{shown.low:.3f}, {shown.high:.3f}] "
            f"| {gap.mean:+.3f} [{gap.low:+.3f}, {gap.high:+.3f}] |",
            flush=True,
        )


def main() -> None:
    """Both ways."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("homes", nargs=2, type=Path, help="two homes with judged queries")
    parser.add_argument("--metric", default="recall@1")
    options = parser.parse_args()
    one, other = (JudgedCandidates.of(Workspace(Settings(home.resolve()))) for home in options.homes)
    transfer(one, other, options.metric)
    transfer(other, one, options.metric)


if __name__ == "__main__":
    main()
