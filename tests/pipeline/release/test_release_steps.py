"""A release is of one catalogue: its model, its examples and its index."""

import shutil
from pathlib import Path

import pytest

from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.errors import IndexCheckError, LineageError
from mmsearch_dagster.pipeline.features.index_rows import index_rows
from mmsearch_dagster.pipeline.ingest.reviews import read_reviews
from mmsearch_dagster.pipeline.ingest.tables import read_raw, validate
from mmsearch_dagster.pipeline.monitoring.reference import make_reference
from mmsearch_dagster.pipeline.personalisation.profiles import make_profiles
from mmsearch_dagster.pipeline.personalisation.ranker import train_ranker
from mmsearch_dagster.pipeline.release import index_version
from mmsearch_dagster.pipeline.release.challenger import register, release_lineage
from mmsearch_dagster.pipeline.release.index_version import build_index, raise_if_failed
from tests.end_to_end.changes import changed_shop
from tests.homes import Place

pytestmark = pytest.mark.slow


def test_examples_of_an_older_catalogue_register_no_version(
    tiny: Place, place: Place, tmp_path: Path
) -> None:
    """As where somebody materialises `products`, then `challenger` alone, in the UI."""
    changed = Place(place.home, changed_shop(tiny, tmp_path / "later-shop"), place.assets)
    read_raw(changed.workspace, "products")
    validate(changed.workspace, "products")
    before = place.versions()

    with pytest.raises(LineageError, match=r"products .* is current, but .* follows 'products' again"):
        register(changed.workspace)

    assert place.versions() == before


def test_an_index_without_a_product_of_the_catalogue_fails_row_parity(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest, workspace = place.manifest(), place.workspace
    workspace.index.drop_tag(manifest.catalogue, manifest.release_id)
    lost = workspace.lake.current("products").table()[col.PRODUCT_ID][0]
    monkeypatch.setattr(
        index_version, "index_rows", lambda *given: index_rows(*given).remove(product_id=lost)
    )

    _, outcomes = build_index(workspace)

    failed = {one["name"]: one["figures"] for one in outcomes if not one["passed"]}
    assert failed["row_parity"]["missing"] == 1
    with pytest.raises(IndexCheckError, match="row_parity"):
        raise_if_failed(outcomes)


# What the steps after the evaluation make.
_AFTER_THE_EVALUATION = (
    "user_profiles",
    "profile_states",
    "reviews",
    "ranker",
    "drift_reference",
    "challenger",
)


@pytest.fixture
def evaluated(tiny: Place, later: Place, place: Place) -> Place:
    """The released home with a later run's evaluation, and what comes after it as it was released."""
    shutil.rmtree(place.paths.lake)
    shutil.copytree(later.paths.lake, place.paths.lake)
    for asset in _AFTER_THE_EVALUATION:
        shutil.rmtree(place.paths.lake / asset)
        shutil.copytree(tiny.paths.lake / asset, place.paths.lake / asset)
    return Place(place.home, later.source, place.assets)


def test_another_runs_ranker_and_people_are_not_released(later: Place, evaluated: Place) -> None:
    """As where somebody materialises all up to the evaluation, then the challenger, without `ranker`."""
    workspace, before = evaluated.workspace, evaluated.versions()

    with pytest.raises(LineageError, match=r"ranker was made from .* again, or use `mmsearch run`"):
        register(workspace)
    assert evaluated.versions() == before

    make_profiles(workspace)
    read_reviews(workspace)
    train_ranker(workspace)
    make_reference(workspace)
    register(workspace)
    lineage = release_lineage(workspace.lake)
    manifest = workspace.registry.manifest(before + 1)

    assert manifest.snapshots == {name: lineage[name].digest for name in manifest.snapshots}
    assert manifest.release_id == later.manifest().release_id
