"""The sensors that start a refresh, tick by tick, with Dagster's own records of runs."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from mmsearch_dagster.adapters.lake.snapshots import Lake
from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.catalog import schemas
from mmsearch_dagster.defs.launch import BECAUSE
from mmsearch_dagster.defs.sensors.drift import drift
from mmsearch_dagster.defs.sensors.source_files import source_files
from tests.homes import own_environment

_SOURCE = """\
catalogue: shop
tables:
  products:
    path: products.csv
    format: csv
"""


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Path]:
    """A shop and a policy under which files settle at once."""
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "source.yaml").write_text(_SOURCE, encoding="utf-8")
    (folder / "products.csv").write_text("product_id,title\n1,mug\n", encoding="utf-8")
    policies = tmp_path / "assets" / "policies"
    policies.mkdir(parents=True)
    (policies / "triggers.yaml").write_text("source: {settle_seconds: 0}", encoding="utf-8")
    variables = {
        "MMSEARCH_HOME": str(tmp_path / "home"),
        "MMSEARCH_SOURCE": str(folder / "source.yaml"),
        "MMSEARCH_ASSETS": str(tmp_path / "assets"),
    }
    with own_environment(**variables):
        yield folder


class Daemon:
    """Keeps a sensor's cursor, as the real one does."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        self.instance, self.cursor = instance, None

    cursor: str | None

    def tick(self) -> dg.SensorResult:
        context = dg.build_sensor_context(self.instance, cursor=self.cursor)
        result = source_files(context)
        assert isinstance(result, dg.SensorResult)
        self.cursor = result.cursor
        return result

    def launch(self, result: dg.SensorResult) -> None:
        (request,) = result.run_requests or []
        self.instance.add_run(
            dg.DagsterRun(job_name="refresh", run_id=dg.DagsterRun(job_name="x").run_id, tags=request.tags)
        )


def test_a_new_export_starts_one_refresh_that_says_why(shop: Path, instance: dg.DagsterInstance) -> None:
    daemon = Daemon(instance)
    assert "nothing changed in 2 files" in str(daemon.tick().skip_reason)
    (shop / "products.csv").write_text("product_id,title\n1,mug\n2,cup\n", encoding="utf-8")

    result = daemon.tick()

    (request,) = result.run_requests or []
    assert request.tags[BECAUSE] == "products.csv changed"
    assert request.run_key.startswith("source-0-")
    assert request.run_config["ops"]["catalogue_refresh"]["config"]["retrain"] is False
    assert daemon.tick().run_requests == []


def test_a_daemon_killed_before_it_kept_its_cursor_asks_for_the_same_run(
    shop: Path, instance: dg.DagsterInstance
) -> None:
    """Dagster starts no second run of the same key."""
    daemon = Daemon(instance)
    daemon.tick()
    (shop / "products.csv").write_text("product_id,title\n2,cup\n", encoding="utf-8")
    kept = daemon.cursor
    keys = []
    for _ in range(2):
        daemon.cursor = kept
        keys += [request.run_key for request in daemon.tick().run_requests or []]
    assert len(keys) == 2
    assert len(set(keys)) == 1


def test_a_second_export_waits_for_the_cool_down_and_is_not_forgotten(
    shop: Path, instance: dg.DagsterInstance
) -> None:
    daemon = Daemon(instance)
    daemon.tick()
    (shop / "products.csv").write_text("product_id,title\n2,cup\n", encoding="utf-8")
    daemon.launch(daemon.tick())
    (shop / "products.csv").write_text("product_id,title\n3,hat\n", encoding="utf-8")

    cooling = daemon.tick()
    assert "products.csv changed: waits until" in str(cooling.skip_reason)

    policy = Path(os.environ["MMSEARCH_ASSETS"]) / "policies" / "triggers.yaml"
    policy.write_text("source: {settle_seconds: 0, cool_down_minutes: 0}", encoding="utf-8")
    assert daemon.tick().run_requests


def test_a_mapping_that_cannot_be_read_is_named_and_forgets_nothing(
    shop: Path, instance: dg.DagsterInstance
) -> None:
    daemon = Daemon(instance)
    daemon.tick()
    kept = daemon.cursor
    (shop / "source.yaml").write_text("tables: [", encoding="utf-8")

    assert "source.yaml" in str(daemon.tick().skip_reason)
    assert daemon.cursor == kept


def test_the_sample_store_is_not_watched(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    with own_environment(MMSEARCH_HOME=str(tmp_path / "home")):
        assert "nothing changed in 0 files" in str(Daemon(instance).tick().skip_reason)
    assert not (tmp_path / "home").exists()


@pytest.fixture
def media(shop: Path) -> Path:
    """The folder of the pictures and sounds that a run has read."""
    folder = shop / "media"
    folder.mkdir()
    for name in ("mug.png", "mug.wav"):
        (folder / name).write_bytes(b"once")
    row = {col.PRODUCT_ID: "1", col.IMAGE_URIS: ["media/mug.png"], col.AUDIO_URI: "media/mug.wav"}
    frame = pl.concat([schemas.PRODUCTS.to_frame(), pl.DataFrame([row])], how="diagonal_relaxed")
    Lake(shop.parent / "home" / "lake").obtain_table("products", "p", lambda: (frame, {}))
    return folder


def test_a_changed_picture_of_the_same_name_starts_one_refresh(
    media: Path, instance: dg.DagsterInstance
) -> None:
    daemon = Daemon(instance)
    assert "2 files and 1 folders and database tables" in str(daemon.tick().skip_reason)
    (media / "mug.png").write_bytes(b"twice as large")

    (request,) = daemon.tick().run_requests or []

    assert request.tags[BECAUSE] == "media/ changed"
    assert daemon.tick().run_requests == []


def test_a_new_sound_starts_a_refresh_and_a_file_of_another_kind_does_not(
    media: Path, instance: dg.DagsterInstance
) -> None:
    daemon = Daemon(instance)
    daemon.tick()
    (media / "Thumbs.db").write_bytes(b"")
    assert daemon.tick().run_requests == []
    (media / "kite.WAV").write_bytes(b"new")

    (request,) = daemon.tick().run_requests or []

    assert request.tags[BECAUSE] == "media/ changed (2 entries, now 3)"


def test_a_folder_that_is_away_for_a_while_is_named_and_is_no_change(
    media: Path, instance: dg.DagsterInstance
) -> None:
    daemon = Daemon(instance)
    daemon.tick()
    media.rename(media.with_name("away"))
    assert "media/ cannot be read now" in str(daemon.tick().skip_reason)
    media.with_name("away").rename(media)

    assert daemon.tick().run_requests == []
    (media / "mug.png").write_bytes(b"changed")
    assert daemon.tick().run_requests


def test_the_first_look_of_this_version_at_media_starts_nothing(
    media: Path, instance: dg.DagsterInstance
) -> None:
    """A cursor of a version that did not watch them."""
    daemon = Daemon(instance)
    daemon.tick()
    assert daemon.cursor is not None
    state = json.loads(daemon.cursor)
    del state["files"]["media/"], state["tables"]
    daemon.cursor = json.dumps(state)

    assert daemon.tick().run_requests == []


def test_a_database_that_does_not_answer_is_named_and_keeps_nobody_from_looking(
    shop: Path, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_DATABASE", "postgresql://shop:s3cret-w0rd@127.0.0.1:9/shop")
    (shop / "log.database").write_text("connection: SHOP_DATABASE\ntable: log\n", encoding="utf-8")
    with (shop / "source.yaml").open("a", encoding="utf-8") as file:
        file.write("  events:\n    path: log.database\n")
    daemon = Daemon(instance)
    daemon.tick()
    reason = str(daemon.tick().skip_reason)
    assert "nothing changed in 3 files of the shop; " in reason
    assert "the database's host cannot be reached" in reason
    assert "s3cret" not in reason + str(daemon.cursor)
    (shop / "products.csv").write_text("product_id,title\n2,cup\n", encoding="utf-8")

    assert daemon.tick().run_requests


@pytest.fixture
def materialise(instance: dg.DagsterInstance) -> Callable[..., None]:
    """As the job `watch` or a release reports an asset."""

    def report(asset: str, **metadata: object) -> None:
        instance.report_runless_asset_event(dg.AssetMaterialization(asset, metadata=metadata))  # type: ignore[arg-type]

    return report


def tick_drift(instance: dg.DagsterInstance) -> dg.SensorResult | dg.SkipReason:
    result = drift(dg.build_sensor_context(instance))
    assert isinstance(result, dg.SensorResult | dg.SkipReason)
    return result


def test_what_the_monitors_found_starts_a_training_that_says_why(
    shop: Path, instance: dg.DagsterInstance, materialise: Callable[..., None]
) -> None:
    materialise("release")
    materialise("data_drift", findings=[], snapshot="aaa")
    materialise("embedding_drift", findings=["embedding drift in image, AUC 0.71 > 0.6"], snapshot="bbb")

    result = tick_drift(instance)

    assert isinstance(result, dg.SensorResult)
    (request,) = result.run_requests or []
    assert request.run_key == "drift-bbb"
    assert request.tags[BECAUSE] == "embedding drift in image, AUC 0.71 > 0.6"
    config = request.run_config["ops"]["catalogue_refresh"]["config"]
    assert config == {"retrain": True, "because": "embedding drift in image, AUC 0.71 > 0.6", "hold": ""}


def test_what_was_found_before_the_last_release_starts_nothing(
    shop: Path, instance: dg.DagsterInstance, materialise: Callable[..., None]
) -> None:
    materialise("data_drift", findings=["data drift in price, PSI 0.31 > 0.25"], snapshot="aaa")
    materialise("release")

    assert isinstance(tick_drift(instance), dg.SkipReason)


def test_a_used_up_budget_holds_the_training(
    shop: Path, instance: dg.DagsterInstance, materialise: Callable[..., None]
) -> None:
    policy = Path(os.environ["MMSEARCH_ASSETS"]) / "policies" / "triggers.yaml"
    policy.write_text("retrainings_per_day: 0", encoding="utf-8")
    materialise("data_drift", findings=["data drift in price, PSI 0.31 > 0.25"], snapshot="aaa")

    result = tick_drift(instance)

    assert isinstance(result, dg.SkipReason)
    assert "the policy allows 0" in str(result.skip_message)


def test_trainings_of_schedules_and_people_count(instance: dg.DagsterInstance) -> None:
    """A run counts as soon as it is asked to train, or did."""
    from datetime import UTC, datetime, timedelta

    from mmsearch_dagster.defs.launch import TRAINS, past_runs

    asked = dg.DagsterRun(job_name="refresh", run_id="1" * 8, tags={TRAINS: "always"})
    plain = dg.DagsterRun(job_name="refresh", run_id="2" * 8)
    for run in (asked, plain):
        instance.add_run(run)
    now = datetime.now(UTC) + timedelta(minutes=1)
    trained = {run.trained for run in past_runs(instance, now, timedelta(days=1))}
    assert trained == {True, False}
