"""A release that waits for a person, in a real registry."""

from pathlib import Path

import pytest

from mmsearch_dagster.adapters.registry.store import MlflowStore
from mmsearch_dagster.adapters.registry.versions import MODEL_NAME
from mmsearch_dagster.core.errors import GateRefusedError, NoReleaseError
from mmsearch_dagster.pipeline.release.reviews import Reviews
from tests.adapters.registry.test_registry import Shop

pytestmark = pytest.mark.slow


@pytest.fixture
def shop(mlflow_store: MlflowStore, tmp_path: Path) -> Shop:
    return Shop(mlflow_store, tmp_path)


def set_tag(shop: Shop, version: int, key: str, value: str) -> None:
    """As a reviewer does in MLflow's pages."""
    shop.store.connect().set_model_version_tag(MODEL_NAME, str(version), key, value)


def test_what_waits_is_not_released_until_somebody_approves_it(shop: Shop) -> None:
    reviews, version = Reviews(shop.registry), shop.add(1)
    for _ in range(2):
        reviews.request(version)
    assert [review.manifest.release_id for review in reviews.waiting()] == ["r-1"]
    with pytest.raises(GateRefusedError, match="it waits for a review: `mmsearch approve r-1`"):
        shop.registry.promote(version, reason="nightly")
    assert shop.champion() is None

    set_tag(shop, version, "Approval_Check", "Approved")
    (due,) = reviews.due()
    reviews.settle(due)
    assert shop.registry.promote(version, reason="approved").moved

    assert reviews.due() == reviews.waiting() == []
    assert shop.actions()[0] == ("waiting", "r-1")
    assert shop.actions()[-2:] == [("approval", "r-1"), ("promotion", "r-1")]


def test_what_a_reviewer_rejected_is_never_released(shop: Shop) -> None:
    reviews, version = Reviews(shop.registry), shop.add(1)
    reviews.request(version)
    reviews.answer(version, "rejected", note="shoes are worse", reviewer="mei")
    reviews.settle(reviews.due()[0])
    reviews.waive(version)

    with pytest.raises(GateRefusedError, match="a reviewer decided: rejected by mei: shoes are worse"):
        shop.registry.promote(version, reason="nightly")

    line = shop.ledger.lines()[1]
    assert (line.action, line.who, line.why) == ("rejection", "mei", "rejected by mei: shoes are worse")


def test_where_the_policy_asks_for_no_review_any_more_nothing_waits(shop: Shop) -> None:
    reviews, version = Reviews(shop.registry), shop.add(1)
    reviews.request(version)
    reviews.waive(version)
    assert shop.registry.promote(version, reason="nightly").moved


def test_a_hand_cannot_serve_what_a_reviewer_rejected(shop: Shop) -> None:
    reviews, first, second = Reviews(shop.registry), shop.add(1), shop.add(2)
    shop.registry.promote(first, reason="")
    reviews.request(second)
    reviews.answer(second, "rejected", note="", reviewer="mei")
    shop.store.connect().set_registered_model_alias(MODEL_NAME, "champion", str(second))

    message = shop.registry.catch_up()

    assert message is not None
    assert "moved by hand to r-2" in message
    assert shop.champion() == "r-1"
    assert shop.registry.catch_up() is None


def test_a_version_is_named_by_its_number_or_its_release(shop: Shop) -> None:
    reviews, version = Reviews(shop.registry), shop.add(1)
    assert reviews.named(str(version)) == reviews.named("r-1")
    with pytest.raises(NoReleaseError, match="there is no version 'r-2' here; did you mean 'r-1'"):
        reviews.named("r-2")
