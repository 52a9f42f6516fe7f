"""The ranking stage tried on a shop, before anything of it is released."""

import pytest

from mmsearch_dagster.core.errors import PolicyError
from mmsearch_dagster.core.ranking.comparison import BASELINE, FUSED_SCORES
from mmsearch_dagster.core.ranking.rankers.stage import TRAINERS
from mmsearch_dagster.pipeline.ranking import ranking_cross_fit
from tests.homes import Place

pytestmark = pytest.mark.slow


def test_every_judged_query_with_words_is_ranked_once_beside_bm25(tiny: Place) -> None:
    figures = ranking_cross_fit.cross_fit_ranking(tiny.workspace, folds=3, seed=7)

    assert {each.engine for each in figures} == {BASELINE, FUSED_SCORES, *TRAINERS}
    assert len({each.value.queries for each in figures}) == 1
    assert all(0.0 < each.value.mean <= 1.0 for each in figures)
    assert figures == ranking_cross_fit.cross_fit_ranking(tiny.workspace, folds=3, seed=7)


def test_too_few_judged_queries_are_said_to_be_too_few(tiny: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranking_cross_fit, "_SPLITS", ())

    with pytest.raises(PolicyError, match="at least 20 judged queries with words, there are 0"):
        ranking_cross_fit.cross_fit_ranking(tiny.workspace, folds=3, seed=7)
