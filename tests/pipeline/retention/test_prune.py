"""A home that is tidied stays small, keeps its ways back, and goes on answering."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
import yaml

from mmsearch_dagster.adapters.feature_store.feature_keys import write_keys
from mmsearch_dagster.adapters.registry.store import MlflowStore
from mmsearch_dagster.adapters.registry.tags import facts_again
from mmsearch_dagster.adapters.remote_files.media_cache import Copy, MediaCache
from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.digest import sha256_bytes
from mmsearch_dagster.core.encoders.protocol import EncoderSpec
from mmsearch_dagster.core.errors import NoReleaseError, UserError
from mmsearch_dagster.core.release import ReleaseManifest
from mmsearch_dagster.pipeline.personalisation.profiles import KEPT_STATES, STATES
from mmsearch_dagster.pipeline.retention.prune import find_unused, prune
from mmsearch_dagster.pipeline.workspace import Workspace
from mmsearch_dagster.settings import Settings
from tests.adapters.conftest import empty_mlflow_database, mlflow_store  # noqa: F401
from tests.adapters.registry.test_registry import Shop
from tests.catalogue_rows import catalogue

pytestmark = pytest.mark.slow

PRODUCTS = 60


def rows_of(day: int) -> pl.DataFrame:
    """The catalogue of a day, as the index takes it: every product has another text each day."""
    rows = catalogue(PRODUCTS)
    return rows.with_columns(search_text=pl.lit(f"day {day} ") + rows["title"]).drop("image_vector", "vector")


class Home(Shop):
    """A home in which days pass: each has a catalogue of its own, every tenth day a training."""

    def __init__(self, store: MlflowStore) -> None:
        super().__init__(store, store.folder.parent / "elsewhere")
        self.workspace = Workspace(Settings(store.folder.parent))
        self.ledger = self.workspace.registry._ledger
        self.registry = self.workspace.registry
        self.day = 0

    def live(self, days: int) -> None:
        for _ in range(days):
            self.day += 1
            digest = self.catalogue_of_the_day()
            self.release(digest)

    def catalogue_of_the_day(self) -> str:
        lake, digest = self.workspace.lake, f"day{self.day}"
        products, _ = lake.obtain_table("products", digest, lambda: (rows_of(self.day), {}))

        def features(folder: Path) -> dict[str, int]:
            rows_of(self.day).write_parquet(folder / "table.parquet")
            write_keys(folder, "f-text", [f"{digest}-{row}" for row in range(PRODUCTS)])
            return {"rows": PRODUCTS}

        lake.obtain("text_features", f"of-{digest}", features, inputs=[products])
        return digest

    def release(self, digest: str) -> ReleaseManifest:
        champion = self.registry.champion()
        if champion is None or self.day % 20 == 0:
            version = self.add(self.day, index=False)
            self.tag_snapshots(version, digest)
        else:
            decision = self.registry.decision(champion.model_version)
            assert decision is not None
            facts = facts_again(
                champion,
                decision,
                release_id=f"r-{self.day}",
                refresh_of=champion.refresh_of or champion.release_id,
                snapshots={"products": digest, "text_features": f"of-{digest}"},
            )
            version = self.registry.register_again(champion.model_version, facts)
        manifest = self.registry.manifest(version)
        pin = self.workspace.index.publish("shop", manifest.release_id, rows_of(self.day), vector_column=None)
        self.registry.attach_index(version, pin)
        return self.registry.promote(version, reason=f"day {self.day}").release

    def tag_snapshots(self, version: int, digest: str) -> None:
        """`add` registers made-up snapshots; these are the ones of the day."""
        from mmsearch_dagster.adapters.registry.tags import MANIFEST

        text = self.registry.tags()[version][MANIFEST].replace('"abc"', f'"{digest}"')
        self.registry.tag(version, MANIFEST, text)

    @property
    def size(self) -> int:
        home = self.workspace.paths.home
        folders = [self.workspace.paths.lake, self.workspace.paths.index, self.workspace.paths.mlflow]
        assert all(folder.parent == home for folder in folders)
        return sum(file.stat().st_size for folder in folders for file in folder.rglob("*") if file.is_file())


@pytest.fixture
def home(mlflow_store: MlflowStore) -> Home:  # noqa: F811
    return Home(mlflow_store)


def test_after_many_refreshes_a_tidied_home_is_hardly_larger_than_a_fresh_one(home: Home) -> None:
    home.live(5)
    fresh = home.size

    home.live(25)
    grown = home.size
    prune(home.workspace, 5)

    assert grown > 2 * fresh
    assert home.size <= 1.5 * fresh


def test_the_last_releases_stay_ready_for_a_rollback(home: Home) -> None:
    home.live(8)
    prune(home.workspace, 3)

    assert [row.manifest.release_id for row in home.registry.releases()] == ["r-8", "r-7", "r-6", "r-1"]
    for release_id in ("r-6", "r-7", "r-8"):
        assert home.registry.rollback(release_id, reason="").moved or release_id == "r-8"
        manifest = home.registry.champion()
        assert manifest is not None
        assert manifest.index is not None
        assert manifest.release_id == release_id
        table = home.workspace.index.open("shop", manifest.index.tag)
        assert (table.row_count, len(table.lexical("day", 5))) == (PRODUCTS, 5)
        products = home.workspace.lake.find("products", manifest.snapshots["products"])
        assert products is not None
        assert products.table().height == PRODUCTS
        home.registry.check_weights(manifest.model_version)


def test_a_look_says_what_would_go_and_removes_nothing(home: Home) -> None:
    home.live(4)
    before = home.size
    unused = find_unused(home.workspace, 2)

    counts = {kind: count for kind, count, _ in unused.rows()}
    assert counts["model versions"] == 1, "r-1 was trained last: the next run compares with it"
    assert counts["index versions"] == 1
    assert counts["lake snapshots"] == 3, "of r-1 only its catalogue"
    assert counts["vectors"] == 2 * PRODUCTS
    assert unused.kept == ("r-4", "r-3", "r-1")
    assert (home.size, len(home.registry.releases())) == (before, 4)


def test_a_clean_up_that_was_killed_is_finished_by_the_next(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.live(6)

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("mmsearch_dagster.pipeline.retention.prune.clean_up", die)
        with pytest.raises(KeyboardInterrupt):
            prune(home.workspace, 2)
    prune(home.workspace, 2)

    assert not [count for _, count, _ in find_unused(home.workspace, 2).rows() if count]


def test_what_is_kept_by_day_is_never_touched(home: Home) -> None:
    lake = home.workspace.lake
    for day in range(3):
        lake.obtain("event_days", f"day{day}", lambda folder: {"rows": 1})
    home.live(4)
    prune(home.workspace, 1)
    assert len([snapshot for snapshot, _ in lake.all() if snapshot.asset == "event_days"]) == 3


def test_of_the_states_of_people_those_of_the_last_days_stay(home: Home) -> None:
    lake = home.workspace.lake
    for day in range(1, 36):
        as_of = datetime(2026, 5, 1, tzinfo=UTC) + timedelta(days=day)
        lake.obtain(STATES, f"s{day}", lambda folder, as_of=as_of: {"rows": 1, "as_of": as_of.isoformat()})
    home.live(1)
    prune(home.workspace, 1)
    kept = {snapshot.digest for snapshot, _ in lake.all() if snapshot.asset == STATES}
    assert kept == {f"s{day}" for day in range(35 - KEPT_STATES, 36)}


def test_copies_of_remote_media_that_no_kept_catalogue_names_go(home: Home) -> None:
    cache, lake = MediaCache(home.workspace.paths.media), home.workspace.lake
    for name in ("kept", "former", "foreign"):
        cache.remember([Copy(f"https://shop.example/{name}.jpg", sha256=cache.keep(name.encode()))])
    images = [["https://shop.example/kept.jpg"]] + [None] * (PRODUCTS - 1)
    products = rows_of(1).with_columns(
        pl.Series(col.IMAGE_URIS, images, dtype=pl.List(pl.String)),
        *(pl.lit(None, pl.String).alias(name) for name in (col.AUDIO_URI, col.VIDEO_URI)),
    )
    former = "https://shop.example/former.jpg"
    named = pl.DataFrame({"address": [former], "sha256": [sha256_bytes(b"former")]})
    lake.obtain_table("remote_media", "r", lambda: (named, {}))
    lake.obtain_table("products", "day1", lambda: (products, {}))
    home.live(1)

    dry = dict((kind, count) for kind, count, _ in find_unused(home.workspace, 1).rows())
    prune(home.workspace, 1)

    assert dry["copies of remote media"] == 1
    assert set(MediaCache(home.workspace.paths.media).copies()) == {
        "https://shop.example/kept.jpg",
        former,
    }
    assert cache.contents() == {sha256_bytes(b"kept"), sha256_bytes(b"former")}


def test_vectors_of_an_upgrade_that_is_under_way_stay(home: Home) -> None:
    home.live(1)
    workspace = home.workspace
    spec = EncoderSpec(modality="image", library="timm", model="embedded", size=160)
    preset = workspace.preset.with_encoder(spec).model_dump(mode="json", exclude_none=True)
    fingerprint = workspace.identity(spec).fingerprint
    (workspace.paths.features / fingerprint).mkdir(parents=True)
    assert fingerprint in find_unused(workspace, 1).features

    workspace.paths.upgrade_preset.parent.mkdir()
    workspace.paths.upgrade_preset.write_text(yaml.safe_dump(preset), encoding="utf-8")

    assert fingerprint not in find_unused(workspace, 1).features


def test_of_a_removed_version_mlflow_keeps_its_number_and_no_tags(home: Home) -> None:
    home.live(4)
    prune(home.workspace, 1)

    with closing(sqlite3.connect(home.workspace.paths.mlflow / "mlflow.db")) as connection:
        tagged = {row[0] for row in connection.execute("select version from model_version_tags")}
        numbers = {row[0] for row in connection.execute("select version from model_versions")}
    assert (tagged, numbers) == ({1, 4}, {1, 2, 3, 4})


def test_of_the_looks_of_a_monitor_the_last_stays(home: Home) -> None:
    lake = home.workspace.lake
    for hour in range(3):
        lake.obtain("search_quality", f"hour{hour}", lambda folder: {"rows": 1})
    home.live(1)
    prune(home.workspace, 1)
    assert [snapshot.digest for snapshot, _ in lake.all() if snapshot.asset == "search_quality"] == ["hour2"]


def test_at_least_the_release_that_answers_is_kept(home: Home, tmp_path: Path) -> None:
    home.live(1)
    with pytest.raises(UserError, match="--keep 0: at least 1"):
        find_unused(home.workspace, 0)
    with pytest.raises(NoReleaseError, match="nothing to clean up"):
        find_unused(Workspace(Settings(tmp_path / "nowhere")), 1)
