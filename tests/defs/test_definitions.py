"""What people and schedules find in Dagster."""

import warnings
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import polars as pl
import pytest
import yaml
from dagster._core.definitions.assets.graph.asset_graph import AssetGraph
from dagster._core.definitions.freshness import TimeWindowFreshnessPolicy

from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.catalog import schemas
from mmsearch_dagster.defs.loading import everything
from mmsearch_dagster.defs.resources import TRAINING_POOL
from mmsearch_dagster.pipeline.ingest.tables import VALIDATED
from mmsearch_dagster.pipeline.monitoring.event_days import make_day
from mmsearch_dagster.pipeline.workspace import Workspace
from mmsearch_dagster.settings import HomePaths, Settings

EXPECTATIONS = Path(__file__).parents[2] / "assets" / "expectations"
# The whole asset graph, asset by asset.
GRAPH = {
    "ingest": {
        "products_raw", "events_raw", "searches_raw", "judgments_raw",
        "products", "products_quarantine", "interactions", "interactions_quarantine",
        "queries", "queries_quarantine", "searches", "reviews", "remote_media",
    },
    "features": {
        "image_encoder", "text_encoder", "text_features", "image_features", "audio_features",
        "video_features", "media_quarantine",
    },
    "behaviour": {"collaborative_factors", "user_profiles"},
    "training": {
        "training_examples", "hyper_parameters", "photo_memory", "ranking", "ranker",
        *("fusion_concat", "fusion_weighted", "fusion_attention", "fusion_hadamard"),
    },
    "evaluation": {"evaluation_report", "drift_reference"},
    "release": {"catalogue_refresh", "training_due", "challenger", "search_index", "release", "ledger"},
}  # fmt: skip
# Outside the refresh: what looks, and what is kept by day.
MONITORING = {"data_drift", "embedding_drift", "behaviour_drift", "search_quality"}
OPERATIONS = {"release_metrics", "status_page"}


@pytest.fixture(scope="module")
def loaded() -> dg.Definitions:
    return everything()


@pytest.fixture(scope="module")
def graph(loaded: dg.Definitions) -> AssetGraph:
    return loaded.resolve_asset_graph()


def test_the_graph_is_the_one_of_the_design(graph: AssetGraph) -> None:
    found: dict[str, set[str]] = {}
    for key in graph.get_all_asset_keys():
        found.setdefault(graph.get(key).group_name, set()).add(key.to_user_string())

    by_day = GRAPH["behaviour"] | {"event_days", "profile_states"}
    assert found == {**GRAPH, "behaviour": by_day, "monitoring": MONITORING, "operations": OPERATIONS}


def test_a_run_begins_without_a_warning_on_the_terminal() -> None:
    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("always")
        everything().resolve_job_def("refresh")

    assert [str(each.message) for each in shown if issubclass(each.category, dg.BetaWarning)] == []


def test_every_asset_says_what_it_is_and_is_made_by_this_project(graph: AssetGraph) -> None:
    for key in graph.get_all_asset_keys():
        node = graph.get(key)
        assert node.description, key
        assert node.is_materializable, f"{key} is only a name in somebody's deps"
        assert node.code_version, f"the page cannot show whether {key} is stale"


def test_data_flows_from_the_shop_to_the_pointer(graph: AssetGraph) -> None:
    above = {key.to_user_string() for key in graph.get_ancestor_asset_keys(dg.AssetKey("release"))}

    # A catalogue is refreshed whatever becomes of the models, and moves the pointer itself.
    everything_else = {name for group in GRAPH.values() for name in group} - {
        "release",
        "catalogue_refresh",
        "ledger",
    }
    assert above >= {name for name in everything_else if not name.endswith("_quarantine")}


@pytest.mark.parametrize(
    "asset", sorted(GRAPH["features"] - {"media_quarantine"} | {"collaborative_factors"})
)
def test_nothing_is_encoded_or_learned_before_every_table_is_validated(graph: AssetGraph, asset: str) -> None:
    """Dagster goes on with independent branches after a failure: only a dependency stops them."""
    parents = {key.to_user_string() for key in graph.get(dg.AssetKey(asset)).parent_keys}
    assert parents >= set(VALIDATED)


@pytest.mark.parametrize(("asset", "table"), VALIDATED.items())
def test_every_reviewed_expectation_is_a_check(graph: AssetGraph, asset: str, table: str) -> None:
    document = yaml.safe_load((EXPECTATIONS / f"{table}.yaml").read_text(encoding="utf-8"))

    keys = graph.get_check_keys_for_assets({dg.AssetKey(asset)})

    assert len(keys) == len(document["rules"])
    whys = {graph.get_check_spec(key).description for key in keys}
    assert whys == {rule["why"] for rule in document["rules"]}


def test_unreadable_media_warn_and_stop_nothing(graph: AssetGraph) -> None:
    keys = graph.get_check_keys_for_assets({dg.AssetKey("media_quarantine")})

    assert {key.name for key in keys} == {"readable_image", "readable_audio", "readable_video"}
    assert not any(graph.get_check_spec(key).blocking for key in keys)


@pytest.mark.parametrize(
    ("asset", "names"),
    [
        ("challenger", {"gate"}),
        (
            "search_index",
            {
                *("row_parity", "golden_words", "golden_queries", "measured_queries"),
                *("unit_norms", "ann_recall", "golden_vectors"),
            },
        ),
    ],
)
def test_the_checks_before_the_pointer_are_blocking(graph: AssetGraph, asset: str, names: set[str]) -> None:
    keys = graph.get_check_keys_for_assets({dg.AssetKey(asset)})

    assert {key.name for key in keys} == names
    assert all(graph.get_check_spec(key).blocking for key in keys)


def test_the_refresh_holds_everything_and_runs_every_night(loaded: dg.Definitions) -> None:
    job = loaded.resolve_job_def("refresh")
    selected = {key.to_user_string() for key in job.asset_layer.executable_asset_keys}
    assert selected == {name for group in GRAPH.values() for name in group} - {"ledger"}

    schedule = loaded.resolve_schedule_def("nightly")
    assert schedule.job_name == "refresh"
    assert schedule.cron_schedule == "30 2 * * *"
    assert schedule.execution_timezone == "UTC"
    assert schedule.default_status == dg.DefaultScheduleStatus.RUNNING, "nobody has to switch it on"


def test_the_monitors_run_every_hour_apart_from_the_refresh(loaded: dg.Definitions) -> None:
    job = loaded.resolve_job_def("watch")
    assert {key.to_user_string() for key in job.asset_layer.executable_asset_keys} == MONITORING
    schedule = loaded.resolve_schedule_def("hourly")
    assert schedule.job_name == "watch"
    assert schedule.cron_schedule == "15 * * * *"
    assert schedule.default_status == dg.DefaultScheduleStatus.RUNNING


def test_after_the_nightly_refresh_yesterdays_state_is_kept(loaded: dg.Definitions) -> None:
    """Before it the lake's log ends in the middle of that day."""
    schedule = loaded.resolve_schedule_def("daily")
    assert schedule.job_name == "profile_days"
    assert schedule.cron_schedule == "0 4 * * *"
    assert schedule.execution_timezone == "UTC"
    assert schedule.default_status == dg.DefaultScheduleStatus.RUNNING

    job = loaded.resolve_job_def("profile_days")
    by_day = {key.to_user_string() for key in job.asset_layer.executable_asset_keys}
    assert by_day == {"event_days", "profile_states"}


def test_the_daily_run_makes_yesterday_and_the_days_that_events_came_late_for(
    loaded: dg.Definitions, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MMSEARCH_HOME", str(tmp_path))
    workspace = Workspace(Settings(tmp_path))

    def days() -> list[str | None]:
        night = dg.build_schedule_context(
            scheduled_execution_time=datetime(2026, 5, 3, 4, tzinfo=UTC),
            repository_def=loaded.get_repository_def(),
        )
        requests = loaded.resolve_schedule_def("daily").evaluate_tick(night).run_requests or []
        return [request.partition_key for request in requests]

    def log(*moments: datetime) -> None:
        rows = pl.DataFrame({col.TIMESTAMP: moments}, schema={col.TIMESTAMP: schemas.INSTANT})
        frame = pl.concat([schemas.EVENTS.to_frame(), rows], how="diagonal")
        workspace.lake.obtain_table("interactions", f"log-{len(moments)}", lambda: (frame, {}))

    assert days() == ["2026-05-02"]
    noon = datetime(2026, 4, 20, 12, tzinfo=UTC)
    log(noon)
    make_day(workspace, noon.date())
    assert days() == ["2026-05-02"]
    log(noon, noon)
    assert days() == ["2026-04-20", "2026-05-02"]


def test_a_day_of_a_home_without_a_log_stays_open(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MMSEARCH_HOME", str(tmp_path / "home"))
    job = everything().resolve_job_def("profile_days")

    with dg.DagsterInstance.ephemeral() as instance:
        ended = job.execute_in_process(partition_key="2026-05-02", instance=instance)
        assets = [dg.AssetKey(name) for name in ("profile_states", "event_days")]
        kept = [instance.get_materialized_partitions(key) for key in assets]

    assert ended.success
    assert not any(kept)
    assert not HomePaths(tmp_path / "home").lake.exists()


def test_what_learns_is_in_one_pool(graph: AssetGraph) -> None:
    """Two runs with such steps are never under way together on one machine."""
    pooled = {
        key.to_user_string() for key in graph.get_all_asset_keys() if TRAINING_POOL in graph.get(key).pools
    }
    trains = {
        *("image_encoder", "text_encoder", "collaborative_factors", "training_examples"),
        *("hyper_parameters", "ranking", "ranker"),
    }
    assert pooled == trains | {name for name in GRAPH["training"] if name.startswith("fusion_")}


@pytest.mark.parametrize(("asset", "hours"), [("catalogue_refresh", 50), ("release", 8 * 24)])
def test_what_is_served_may_not_grow_old_unseen(graph: AssetGraph, asset: str, hours: int) -> None:
    policy = graph.get(dg.AssetKey(asset)).freshness_policy
    assert isinstance(policy, TimeWindowFreshnessPolicy)
    assert policy.fail_window.to_timedelta() == timedelta(hours=hours)


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MMSEARCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MMSEARCH_SOURCE", str(tmp_path / "source.yaml"))
    monkeypatch.setenv("MMSEARCH_FINETUNE", "1")
    monkeypatch.setenv("MMSEARCH_FINETUNE_TEXT", "1")

    resource = everything().resources["workspace"]

    opened = dg.build_resources({"workspace": resource})
    with opened as resources:
        settings = resources.workspace.open().settings
    assert settings.home == tmp_path / "home"
    assert settings.source == tmp_path / "source.yaml"
    assert settings.root is None
    assert (settings.finetune, settings.finetune_text) == (True, True)
