"""What a run does about the catalogue and about the model, and the sentence that says why."""

from dataclasses import replace

import polars as pl
import pytest

from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.catalog import schemas
from mmsearch_dagster.core.triggers.refresh_plan import CatalogueChange, Situation, plan_refresh

STATE = {"events": "e1", "preset": "p1"}
PRICES = CatalogueChange(added=0, removed=0, rewritten=0, repriced=5, before=100)
CALM = Situation(released=True, forced=False, served=None, trained=None, state=STATE, trained_on=dict(STATE))


def catalogue(*rows: tuple[str, str, float]) -> pl.DataFrame:
    given = pl.DataFrame(
        rows, {col.PRODUCT_ID: pl.String, col.TITLE: pl.String, col.PRICE: pl.Float64}, orient="row"
    )
    others = [
        pl.lit(None, kind).alias(name) for name, kind in schemas.PRODUCTS.items() if name not in given.columns
    ]
    return given.with_columns(*others).select(list(schemas.PRODUCTS))


def test_new_gone_rewritten_and_repriced_products_are_counted_apart() -> None:
    before = catalogue(("a", "mug", 1.0), ("b", "kite", 2.0), ("c", "hat", 3.0), ("d", "cup", 4.0))
    now = catalogue(("b", "kite", 2.5), ("c", "red hat", 9.0), ("d", "cup", 4.0), ("e", "bag", 5.0))

    change = CatalogueChange.between(before, now)

    assert change == CatalogueChange(added=1, removed=1, rewritten=1, repriced=1, before=4)
    assert change.learned_share == 0.75
    assert change.sentence == (
        "1 new, 1 gone, 1 with other words or media, 1 with another price, stock or other shown value"
    )


def test_a_column_that_only_one_of_the_catalogues_has_makes_no_difference() -> None:
    before = catalogue(("a", "mug", 1.0))

    change = CatalogueChange.between(before.drop(col.IN_STOCK), before.with_columns(parent=pl.lit("p")))

    assert change == CatalogueChange(added=0, removed=0, rewritten=0, repriced=0, before=1)


def test_changed_prices_are_published_and_train_nothing() -> None:
    plan = plan_refresh(replace(CALM, served=PRICES, trained=PRICES))

    assert (plan.republish, plan.retrain) == (True, False)
    assert "5 with another price" in plan.why
    assert "nothing is trained" in plan.why


def test_a_first_run_trains_and_has_nothing_to_publish_again() -> None:
    plan = plan_refresh(replace(CALM, released=False, served=PRICES))

    assert (plan.republish, plan.retrain) == (False, True)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"state": {**STATE, "events": "e2"}}, "this changed since the last training: events"),
        ({"state": {**STATE, "reviews": "r1"}}, "this changed since the last training: reviews"),
        ({"trained_on": None}, "did not note what it was made from"),
        ({"forced": True}, "told to"),
        (
            {"trained": CatalogueChange(added=15, removed=4, rewritten=2, repriced=0, before=100)},
            "21% of the products",
        ),
        ({"trained": None}, "nothing changed since the last training"),
    ],
)
def test_prices_are_published_first_whatever_asks_for_a_training(changes: dict, why: str) -> None:
    plan = plan_refresh(replace(CALM, served=PRICES, **{"trained": PRICES, **changes}))

    assert (plan.republish, plan.retrain) == (True, True)
    assert why in plan.why


def test_an_interrupted_training_is_finished_by_the_next_run() -> None:
    """The newest model is of this very data: it may still wait for its index."""
    assert plan_refresh(CALM).retrain


def test_a_catalogue_that_is_served_already_needs_nothing() -> None:
    plan = plan_refresh(replace(CALM, trained=PRICES))

    assert (plan.republish, plan.retrain) == (False, False)
    assert "served already" in plan.why


def test_the_reason_of_a_training_is_passed_on() -> None:
    plan = plan_refresh(replace(CALM, forced=True, because="embedding drift in image, AUC 0.71 > 0.6"))

    assert plan.why == "models are trained because of embedding drift in image, AUC 0.71 > 0.6"


def test_a_training_that_is_held_holds_no_price() -> None:
    logged = {**STATE, "events": "e2"}
    held = replace(CALM, served=PRICES, trained=PRICES, state=logged, hold="4 trainings in 24 hours")

    plan = plan_refresh(held)

    assert (plan.republish, plan.retrain) == (True, False)
    assert plan.why.endswith("and is published; no models are trained: 4 trainings in 24 hours")


def test_the_first_training_is_never_held() -> None:
    assert plan_refresh(replace(CALM, released=False, hold="4 trainings in 24 hours")).retrain
