"""What people rename and delete in MLflow's pages is noticed, told in a sentence and mended."""

from pathlib import Path

import pytest

from mmsearch_dagster.adapters.registry.pointer import read_pointer
from mmsearch_dagster.adapters.registry.registry import CHAMPION
from mmsearch_dagster.adapters.registry.relocate import EXPERIMENT
from mmsearch_dagster.adapters.registry.store import MlflowStore
from mmsearch_dagster.adapters.registry.versions import MODEL_NAME
from mmsearch_dagster.core.errors import ConfigError, NoReleaseError
from mmsearch_dagster.serving.open_release import Released
from tests.adapters.registry.test_registry import Shop

pytestmark = pytest.mark.slow


@pytest.fixture
def shop(mlflow_store: MlflowStore) -> Shop:
    """Two releases; the second answers."""
    shop = Shop(mlflow_store, mlflow_store.folder.parent)
    for seed in (1, 2):
        shop.registry.promote(shop.add(seed), reason="nightly")
    return shop


def released(shop: Shop) -> Released:
    home = shop.folder
    return Released(
        home=home,
        mlflow=shop.store.folder,
        ledger=home / "ledger.ndjson",
        index=home / "index",
        encoder_cache=home / "encoders",
    )


def test_a_deleted_champion_leaves_the_release_before_it(shop: Shop) -> None:
    shop.store.connect().delete_model_version(MODEL_NAME, "2")

    assert released(shop).manifest().release_id == "r-1", "readers do not wait for the repair"
    assert shop.registry.catch_up() == "model version 2 (r-2) was deleted in MLflow: r-1 answers again"

    assert shop.champion() == "r-1"
    assert released(shop).warning() is None
    assert shop.actions()[-1] == ("restoration", "r-1")


def test_a_removed_alias_is_set_again(shop: Shop) -> None:
    shop.store.connect().delete_registered_model_alias(MODEL_NAME, CHAMPION)

    assert released(shop).manifest().release_id == "r-2"
    assert released(shop).warning() == "the alias of r-2 was removed in MLflow: it is set again"
    shop.registry.catch_up()

    assert shop.champion() == "r-2"


def test_a_renamed_registered_model_gets_its_name_back(shop: Shop) -> None:
    shop.store.connect().rename_registered_model(MODEL_NAME, "our search")

    pointed = read_pointer(shop.store.folder, MODEL_NAME, CHAMPION)
    assert pointed is not None
    assert pointed.manifest.release_id == "r-2", "it goes on answering meanwhile"
    message = shop.registry.catch_up()

    assert message == "the registered model was renamed to 'our search' in MLflow: it is 'mmsearch' again"
    assert shop.champion() == "r-2"
    assert len(shop.registry.releases()) == 2


def test_while_the_model_has_another_name_lists_say_so_in_one_sentence(shop: Shop) -> None:
    shop.store.connect().rename_registered_model(MODEL_NAME, "our search")
    with pytest.raises(NoReleaseError, match="was renamed to 'our search' in MLflow: `mmsearch run`"):
        released(shop).releases()


def test_a_database_that_is_none_any_more_is_told_in_one_sentence(shop: Shop) -> None:
    (shop.store.folder / "mlflow.db").write_bytes(b"restored from the wrong file")
    for look in (released(shop).manifest, released(shop).releases, shop.registry.catch_up):
        with pytest.raises(ConfigError, match=r"mlflow.db is no SQLite database any more: put .* back"):
            look()


@pytest.mark.parametrize("deleted", [False, True])
def test_a_renamed_experiment_gets_its_name_back(
    shop: Shop, caplog: pytest.LogCaptureFixture, deleted: bool
) -> None:
    client, before = shop.store.connect(), shop.store.experiment_id()
    client.rename_experiment(before, "tests of May")
    if deleted:
        client.delete_experiment(before)

    assert shop.store.experiment_id() == before

    experiment = client.get_experiment(before)
    assert (experiment.name, experiment.lifecycle_stage) == (EXPERIMENT, "active")
    assert "was renamed to 'tests of May': it is named again" in caplog.text


def test_a_deleted_registered_model_says_that_nothing_is_released(shop: Shop, tmp_path: Path) -> None:
    shop.store.connect().delete_registered_model(MODEL_NAME)

    assert released(shop).release_id() is None
    with pytest.raises(NoReleaseError, match="no release any more: somebody removed r-2 and all before it"):
        released(shop).manifest()
    assert shop.registry.catch_up() is None
    assert shop.registry.champion() is None
