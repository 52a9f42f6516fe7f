"""Time decides who teaches and who judges; what was seen is left out; the best on validation is chosen."""

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from implicit.cpu.bpr import BayesianPersonalizedRanking
from implicit.evaluation import ranking_metrics_at_k
from scipy.sparse import csr_matrix

from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.catalog import schemas
from mmsearch_dagster.core.collaborative_filtering.factors import Factors
from mmsearch_dagster.core.collaborative_filtering.interactions import FeedbackParams, Interactions, feedback
from mmsearch_dagster.core.collaborative_filtering.models import Factorised, ModelParams, Popularity
from mmsearch_dagster.core.collaborative_filtering.protocol import compare, judged, per_user, top
from mmsearch_dagster.core.collaborative_filtering.splits import SPLITS, check_split, describe, split
from mmsearch_dagster.core.errors import ConfigError

START = datetime(2026, 1, 1, tzinfo=UTC)
BINARY = FeedbackParams(binary=True, half_life_days=None)


def log(rows: list[tuple[str, str]]) -> pl.DataFrame:
    """One view per (user, product), an hour apart."""
    users, products = zip(*rows, strict=True)
    return pl.DataFrame(
        {
            col.USER_ID: users,
            col.PRODUCT_ID: products,
            col.ACTION: ["view"] * len(rows),
            col.TIMESTAMP: [START + timedelta(hours=n) for n in range(len(rows))],
            col.VALUE: [None] * len(rows),
        },
        schema_overrides={col.TIMESTAMP: schemas.INSTANT, col.VALUE: pl.Float64},
    )


def two_tastes(users: int = 40) -> pl.DataFrame:
    """Even users like products a, odd ones b; each sees five of eight, at times that interleave."""
    draw = np.random.default_rng(3)
    liked = [draw.permutation(8)[:6] for _ in range(users)]
    return log([(f"u{u:02}", f"{'ab'[u % 2]}{liked[u][n]}") for n in range(6) for u in range(users)])


def test_global_time_cuts_every_user_at_the_same_moment() -> None:
    parts = split(log([(f"u{n % 3}", f"p{n}") for n in range(20)]), "global-time")

    assert [part.height for part in (parts.train, parts.validation, parts.test)] == [16, 2, 2]
    in_order = pl.concat([parts.train, parts.validation, parts.test])[col.TIMESTAMP]
    assert in_order.is_sorted()
    assert in_order.n_unique() == 20


def test_what_was_seen_before_the_cut_judges_nothing() -> None:
    parts = split(log([("u", "p0")] * 18 + [("u", "p1"), ("u", "p0")]), "global-time")

    assert parts.validation.is_empty()
    assert parts.test[col.PRODUCT_ID].to_list() == ["p1"]


def test_leave_last_one_and_ratio_follow_each_users_own_time() -> None:
    rows = log([("u", f"p{n}") for n in range(10)] + [("v", "p0"), ("v", "p1")])

    last = split(rows, "leave-last-one")
    assert (last.validation[col.PRODUCT_ID].to_list(), last.test[col.PRODUCT_ID].to_list()) == (
        ["p8"],
        ["p9"],
    )
    shares = split(rows, "ratio")
    assert (shares.validation[col.PRODUCT_ID].to_list(), shares.test[col.PRODUCT_ID].to_list()) == (
        ["p8"],
        ["p9"],
    )
    assert shares.train.filter(pl.col(col.USER_ID) == "v").height == 2


@pytest.mark.parametrize("name", SPLITS)
def test_no_pair_stands_on_two_sides_and_row_order_changes_nothing(name: str) -> None:
    rows = two_tastes(10)
    parts = split(rows, check_split(name))
    again = split(rows.sample(fraction=1.0, shuffle=True, seed=1), check_split(name))

    pairs = [
        set(part.select(col.USER_ID, col.PRODUCT_ID).rows())
        for part in (parts.train, parts.validation, parts.test)
    ]
    assert len(set.union(*pairs)) == sum(map(len, pairs))
    assert pairs[2] == set(again.test.select(col.USER_ID, col.PRODUCT_ID).rows())
    assert describe(check_split(name))


def test_random_parts_each_persons_own_rows_by_seed_and_not_by_time() -> None:
    rows = log([(f"u{n % 2}", f"p{n:02}") for n in range(40)])

    parts = split(rows, "random", seed=7)

    for part, size in ((parts.train, 16), (parts.validation, 2), (parts.test, 2)):
        assert dict(part.group_by(col.USER_ID).len().iter_rows()) == {"u0": size, "u1": size}
    assert parts.test.equals(split(rows.reverse(), "random", seed=7).test)
    assert not parts.test.equals(split(rows, "random", seed=8).test)
    assert parts.test[col.TIMESTAMP].min() < parts.train[col.TIMESTAMP].max()  # type: ignore[operator]
    assert "seed 8" in describe("random", seed=8)


def test_an_unknown_split_is_named_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match="did you mean 'global-time'"):
        check_split("global_time")


def test_figures_that_can_be_checked_by_hand() -> None:
    # Popularity: p0 3 users, p1 2, p2 1. The user has seen p0 and later chooses p2: rank 2 behind p1.
    known = Interactions(("a", "b", "c"), ("p0", "p1", "p2"), csr_matrix([[1, 1, 1], [1, 1, 0], [1, 0, 0]]))
    later = log([("c", "p2"), ("c", "cold product"), ("cold user", "p1")])
    asked = judged(known, later)
    values = per_user(
        Popularity(np.array([3.0, 2.0, 1.0], np.float32)), known, asked, ["ndcg@10", "recall@1"], 10
    )

    assert (asked.cold_users, asked.cold_pairs) == (1, 2)
    assert values["ndcg@10"].tolist() == pytest.approx([1 / np.log2(3)])
    assert values["recall@1"].tolist() == [0.0]


def test_the_first_of_the_best_with_ties_by_column() -> None:
    scores = np.array([[1.0, 2.0, 2.0, 0.5, 2.0]], np.float32)

    assert top(scores, np.array([[False, True, False, False, False]]), 3).tolist() == [[2, 4, 0]]


def test_figures_are_those_of_the_library_that_fits_the_models() -> None:
    rng = np.random.default_rng(3)
    liked = rng.random((60, 90)) < 0.15
    seen, later = liked & (rng.random(liked.shape) < 0.7), liked
    later = later & ~seen
    users, items = (tuple(f"{kind}{n:02}" for n in range(count)) for kind, count in (("u", 60), ("p", 90)))
    known = Interactions(users, items, csr_matrix(seen.astype(np.float32)))
    model = BayesianPersonalizedRanking(factors=8, iterations=10, num_threads=1, random_state=1)
    model.fit(known.matrix, show_progress=False)
    factors = Factors(users, items, model.user_factors, model.item_factors, np.zeros((1, 1), np.float32))
    pairs = [(users[row], items[column]) for row, column in np.argwhere(later)]

    values = per_user(Factorised(factors), known, judged(known, log(pairs)), ["ndcg@10"], 10)

    theirs = ranking_metrics_at_k(model, known.matrix, csr_matrix(later), K=10, show_progress=False)
    assert values["ndcg@10"].mean() == pytest.approx(theirs["ndcg"], abs=1e-6)


def test_learned_models_beat_popularity_where_there_are_tastes() -> None:
    rows = feedback(two_tastes(), BINARY)
    grid = [
        ModelParams(kind="popularity"),
        ModelParams(kind="ease", l2=5.0),
        ModelParams(kind="ease-svd", l2=5.0, factors=4),
    ]

    first = compare(split(rows, "global-time"), BINARY, grid=grid, k=3)
    second = compare(split(rows, "global-time"), BINARY, grid=grid, k=3)

    assert first.chosen.params.kind in ("ease", "ease-svd")
    assert first.measured[-1].params.kind == "popularity"
    assert first.best_of(["ease-svd"]) is not None
    assert [one.validation for one in first.measured] == [one.validation for one in second.measured]


def test_a_log_with_nothing_to_judge_by_is_no_error() -> None:
    found = compare(split(log([("u", "p")]), "leave-last-one"), BINARY, k=10)

    assert found.counts["test users"] == 0
    assert np.isnan(found.chosen.validation)
