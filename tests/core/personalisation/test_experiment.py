"""From a log to a decision about people."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from mmsearch_dagster.core.catalog.schemas import REVIEWS
from mmsearch_dagster.core.collaborative_filtering.interactions import FeedbackParams
from mmsearch_dagster.core.errors import ReleaseMismatchError
from mmsearch_dagster.core.labels.result_pages import result_lists
from mmsearch_dagster.core.personalisation.experiment import NO_LOG, Experiment, facts_of, run_experiment
from mmsearch_dagster.core.personalisation.features import BASE_ORDER, RATING, columns_of, feature_names
from mmsearch_dagster.core.personalisation.fit import RankerParams
from mmsearch_dagster.core.personalisation.person_ranker import load_person_ranker
from mmsearch_dagster.core.personalisation.person_rows import PersonRows
from mmsearch_dagster.core.personalisation.training_rows import TrainingRows, training_rows
from tests.core.personalisation.shop import START, items, log, no_cosines, products

pytestmark = pytest.mark.slow

NO_REVIEWS = pl.DataFrame(schema=REVIEWS)
PARAMS = RankerParams(resamples=500, min_pages=50)


def studied(events: pl.DataFrame, params: RankerParams = PARAMS) -> Experiment:
    return run_experiment(events, products(), items(), params, cosines=no_cosines, reviews=NO_REVIEWS)


def taught(pages: pl.DataFrame, events: pl.DataFrame, reviews: pl.DataFrame = NO_REVIEWS) -> TrainingRows:
    return training_rows(
        pages,
        events,
        products(),
        items(),
        feedback=FeedbackParams(),
        cosines=no_cosines,
        reviews=reviews,
    )


@pytest.fixture(scope="module")
def tasteful() -> Experiment:
    return studied(log())


def test_where_people_have_tastes_the_ranker_is_promoted(tasteful: Experiment) -> None:
    assert tasteful.promoted, tasteful.sentences()
    assert tasteful.ranker is not None
    assert tasteful.ranker.measures["AUC, ranker"] > tasteful.ranker.measures["AUC, ranker, person unknown"]
    assert tasteful.lists is not None
    means = dict(tasteful.lists.measures.select("order", "ndcg@10").iter_rows())
    assert means["taste"] > means["popular"]
    assert facts_of(tasteful)["ranker promoted"] is True


def test_where_nobody_has_a_taste_the_unpersonalised_order_stays() -> None:
    found = studied(log(taste=0.4))
    assert not found.promoted
    assert any("not promoted, the unpersonalised order stays" in one for one in found.sentences())


def test_the_same_log_gives_the_same_weights(tasteful: Experiment, tmp_path: Path) -> None:
    again = studied(log())
    assert tasteful.ranker is not None
    assert again.ranker is not None
    first = tasteful.ranker.ranker.save(tmp_path / "a")
    assert first == again.ranker.ranker.save(tmp_path / "b")
    loaded = load_person_ranker(tmp_path / "a")
    vectors = np.zeros((3, 8), np.float32)
    rows = PersonRows(np.ones((3, len(loaded.spec.features))), vectors, vectors)
    scores = loaded.scores(rows)
    assert np.array_equal(scores, tasteful.ranker.ranker.scores(rows))
    assert np.array_equal(loaded.chances(scores), tasteful.ranker.ranker.chances(scores))
    (tmp_path / "a" / "ranker.safetensors").write_bytes(b"half")
    with pytest.raises(ReleaseMismatchError, match=r"cannot be loaded: .*; put the files back"):
        load_person_ranker(tmp_path / "a")


def test_no_log_no_ranker() -> None:
    found = studied(log(0))
    assert (found.state, found.ranker, found.order, found.why_none) == (None, None, "popular", NO_LOG)


def test_a_log_without_result_pages_knows_people_but_reorders_nothing() -> None:
    found = studied(log(200).filter(pl.col("action") != "impression"))
    assert found.ranker is None
    assert found.state is not None
    assert len(found.state.ids) > 10
    assert "no ranker" in found.sentences()[0]


def test_nothing_of_the_day_itself_or_later_is_known() -> None:
    events = log(120)
    first_day = pl.col("timestamp") < events["timestamp"].min() + pl.duration(days=1)  # type: ignore[operator]
    pages = result_lists(events)
    found = taught(pages, events)
    again = taught(pages.filter(first_day), events.filter(first_day))
    rows = len(again.page)
    assert np.array_equal(found.features[:rows], again.features[:rows], equal_nan=True)
    of_person = found.features[:, list(columns_of(feature_names(list(items().blocks)))["person"])]
    assert np.isnan(of_person[:rows]).all()
    assert not np.isnan(of_person).all()


def test_a_page_knows_the_ratings_of_its_day_not_those_that_came_later() -> None:
    moments = [START - timedelta(days=1), START + timedelta(hours=30), START + timedelta(days=9), None]
    rows = [
        {"review_id": f"r{n}", "product_id": f"p{n:02}", "rating": 2.0 + n, "timestamp": moment}
        for n, moment in enumerate(moments)
    ]
    events = log(150)
    pages = result_lists(events)
    found = taught(pages, events, pl.DataFrame(rows, schema=REVIEWS))
    ratings = found.features[:, feature_names(list(items().blocks)).index(RATING)]

    def seen(product: str, day: int) -> set[float]:
        begin = START + timedelta(days=day)
        on = pages["timestamp"].is_between(begin, begin + timedelta(days=1), closed="left")
        values = ratings[((pages["product_id"] == product) & on).to_numpy()]
        return {round(float(one), 5) for one in values if not np.isnan(one)}

    # One review each; the last has no date. The shop's mean is 2.0, from the third day on 2.5.
    assert [seen("p00", day) for day in (0, 1, 2)] == [{2.0}, {2.0}, {round(14.5 / 6, 5)}]
    assert [seen("p01", day) for day in (0, 1, 2)] == [set(), set(), {round(15.5 / 6, 5)}]
    assert not any(seen(product, day) for product in ("p02", "p03") for day in range(5))


def test_a_person_without_history_has_no_figures_of_a_person(tasteful: Experiment) -> None:
    assert tasteful.ranker is not None
    names = tasteful.ranker.ranker.spec.features
    groups = columns_of(names)
    assert [names[column] for column in groups["order"]] == [BASE_ORDER]
    found = taught(result_lists(log(30)), log(30))
    assert np.isnan(found.features[0, list(groups["person"])]).all()


def test_products_that_the_catalogue_lost_are_left_out() -> None:
    fewer = replace(items(), ids=tuple(f"x{n}" for n in range(len(items()))))
    found = run_experiment(log(60), products(), fewer, PARAMS, cosines=no_cosines, reviews=NO_REVIEWS)
    assert found.ranker is None
