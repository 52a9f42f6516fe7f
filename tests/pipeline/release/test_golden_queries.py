"""Which queries a new index must answer."""

from pathlib import Path

import pytest

from mmsearch_dagster.core.errors import ConfigError, IndexCheckError
from mmsearch_dagster.pipeline.check_config import check_reviewed_files
from mmsearch_dagster.pipeline.features.index_rows import index_rows
from mmsearch_dagster.pipeline.release import index_version
from mmsearch_dagster.pipeline.release.golden_queries import reviewed_files, reviewed_queries
from mmsearch_dagster.pipeline.release.index_version import build_index, raise_if_failed
from mmsearch_dagster.pipeline.workspace import Workspace
from mmsearch_dagster.settings import Settings
from tests.homes import Place
from tests.shops import REVIEWED, tiny_assets


def test_the_sample_store_has_reviewed_ones_and_other_shops_are_not_asked_them() -> None:
    assert len(reviewed_queries(REVIEWED, "sample")) >= 10
    assert reviewed_queries(REVIEWED, "another shop") == []


def test_a_shop_may_have_none_or_its_own(tmp_path: Path) -> None:
    assert reviewed_files(tmp_path) == []
    (tmp_path / "queries").mkdir()
    (tmp_path / "queries" / "mine.yaml").write_text("catalogue: mine\nqueries: [{text: a, products: [x]}]")
    assert [query.name for query in reviewed_queries(tmp_path, "mine")] == ["a"]


def test_a_slip_in_one_is_told_before_the_run(tmp_path: Path) -> None:
    assets = tiny_assets(tmp_path / "assets")
    (assets / "queries" / "mine.yaml").write_text("catalogue: mine\nquerys: []")
    with pytest.raises(ConfigError, match=r"mine\.yaml.*querys"):
        check_reviewed_files(Workspace(Settings(tmp_path / "home", None), assets))


@pytest.mark.slow
def test_an_index_of_words_and_vectors_at_other_products_is_not_served(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest, workspace = place.manifest(), place.workspace
    workspace.index.drop_tag(manifest.catalogue, manifest.release_id)

    _, whole = build_index(workspace)
    figures = {one["name"]: one["figures"] for one in whole}
    assert figures["measured_queries"]["asked"] >= 50
    assert figures["measured_queries"]["found"] == figures["measured_queries"]["asked"]

    workspace.index.drop_tag(manifest.catalogue, manifest.release_id)
    monkeypatch.setattr(
        index_version,
        "index_rows",
        lambda *given: (rows := index_rows(*given)).with_columns(rows["product_id"].reverse()),
    )
    _, outcomes = build_index(workspace)
    assert "measured_queries" in {one["name"] for one in outcomes if not one["passed"]}
    with pytest.raises(IndexCheckError, match=r"measured_queries \(not found: '"):
        raise_if_failed(outcomes)
