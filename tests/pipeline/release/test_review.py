"""A reviewer's verdict, carried out as the sensor and the command line do it."""

from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from mmsearch_dagster.adapters.registry.store import MlflowStore
from mmsearch_dagster.adapters.registry.versions import MODEL_NAME
from mmsearch_dagster.core.errors import GateRefusedError, UserError
from mmsearch_dagster.core.gate.policy import GatePolicy
from mmsearch_dagster.defs.sensors.review import review_sensor
from mmsearch_dagster.pipeline.features.encode import FeatureFacts
from mmsearch_dagster.pipeline.release.await_review import waits_for_review
from mmsearch_dagster.pipeline.release.review import answer, look_at_registry
from mmsearch_dagster.pipeline.workspace import Workspace
from mmsearch_dagster.settings import HOME_VARIABLE, Settings
from tests.adapters.conftest import empty_mlflow_database, mlflow_store  # noqa: F401
from tests.adapters.registry.test_registry import Shop

pytestmark = pytest.mark.slow


class ReviewedShop(Shop):
    """A home whose policy lets releases wait, over a catalogue named `abc`."""

    def __init__(self, store: MlflowStore) -> None:
        super().__init__(store, store.folder.parent)
        self.workspace = Workspace(Settings(store.folder.parent))
        self.workspace.__dict__["gate_policy"] = GatePolicy(promotion="review")
        self.serve_catalogue("abc")

    def serve_catalogue(self, digest: str) -> None:
        """As a run leaves it in the lake."""
        lake, nothing = self.workspace.lake, pl.DataFrame({"product_id": ["P1"]})
        products, _ = lake.obtain_table("products", digest, lambda: (nothing, {}))
        facts = FeatureFacts(encoder="f-text", rows=1, encoded=0, failures=0).model_dump()
        lake.obtain("text_features", f"of-{digest}", lambda folder: facts, inputs=[products])

    def tag(self, version: int, key: str, value: str) -> None:
        self.store.connect().set_model_version_tag(MODEL_NAME, str(version), key, value)


@pytest.fixture
def shop(mlflow_store: MlflowStore) -> ReviewedShop:  # noqa: F811
    return ReviewedShop(mlflow_store)


def test_a_tag_in_mlflow_releases_what_waits_and_the_ledger_tells_it(shop: ReviewedShop) -> None:
    version = shop.add(1)
    assert waits_for_review(shop.workspace, version)
    assert look_at_registry(shop.workspace).messages == ()

    shop.tag(version, "review", "Approved")
    shop.tag(version, "review.note", "good on shoes")
    look = look_at_registry(shop.workspace)

    assert look.messages == ("r-1: approved in MLflow: good on shoes; it answers now",)
    assert shop.champion() == "r-1"
    assert shop.actions() == [("waiting", "r-1"), ("approval", "r-1"), ("promotion", "r-1")]
    assert look_at_registry(shop.workspace).messages == ()


def test_the_command_line_closes_what_waits(shop: ReviewedShop) -> None:
    version = shop.add(1)
    waits_for_review(shop.workspace, version)
    look = answer(shop.workspace, "1", "rejected", note="worse", reviewer="mei")
    assert look.messages == ("r-1: rejected by mei: worse; it is closed",)
    assert shop.champion() is None


def test_no_approval_lets_pass_what_the_gate_refused(shop: ReviewedShop) -> None:
    version = shop.add(1, passed=False)
    with pytest.raises(GateRefusedError, match="the gate refused r-1, no approval lets it pass"):
        answer(shop.workspace, "r-1", "approved", note="", reviewer="mei")
    shop.tag(version, "review", "approved")
    (message,) = look_at_registry(shop.workspace).messages
    assert "but it is not released" in message
    assert shop.champion() is None


def test_a_served_release_is_not_rejected_but_rolled_back(shop: ReviewedShop) -> None:
    shop.registry.promote(shop.add(1), reason="")
    with pytest.raises(UserError, match="r-1 is served already: `mmsearch rollback`"):
        answer(shop.workspace, "r-1", "rejected", note="", reviewer="mei")


def test_an_approved_model_never_brings_back_an_old_catalogue(shop: ReviewedShop) -> None:
    version = shop.add(1)
    waits_for_review(shop.workspace, version)
    shop.tag(version, "review", "approved")
    shop.serve_catalogue("def")

    look = look_at_registry(shop.workspace)

    assert (look.messages, look.approved) == ((), (version,)), "an index of today's catalogue comes first"
    assert shop.champion() is None


def test_the_sensor_moves_the_pointer_in_its_own_tick(
    shop: ReviewedShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = shop.add(1)
    waits_for_review(shop.workspace, version)
    shop.tag(version, "review", "approved")
    monkeypatch.setenv(HOME_VARIABLE, str(shop.workspace.paths.home))

    outcome = review_sensor.evaluate_tick(dg.build_sensor_context())

    assert outcome.skip_message is not None
    assert "r-1: approved in MLflow; it answers now" in outcome.skip_message
    assert shop.champion() == "r-1"


def test_the_sensor_puts_back_what_a_hand_moved_to_a_refused_version(
    shop: ReviewedShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, bad = shop.add(1), shop.add(2, passed=False)
    shop.registry.promote(good, reason="")
    shop.store.connect().set_registered_model_alias(MODEL_NAME, "champion", str(bad))
    monkeypatch.setenv(HOME_VARIABLE, str(shop.workspace.paths.home))

    review_sensor.evaluate_tick(dg.build_sensor_context())

    assert shop.champion() == "r-1"
    noted, put_back = shop.ledger.lines()[-2:]
    assert (noted.action, noted.release_id, noted.by_hand) == ("promotion", "r-2", True)
    assert (put_back.action, put_back.release_id) == ("restoration", "r-1")


def test_a_home_without_a_release_is_looked_at_without_a_word(tmp_path: Path) -> None:
    assert look_at_registry(Workspace(Settings(tmp_path / "nowhere"))).messages == ()
    assert not (tmp_path / "nowhere").exists()
