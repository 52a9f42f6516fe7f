"""The pointer, read from MLflow's database as MLflow itself reads it."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from mmsearch_dagster.adapters.registry.pointer import OtherSchemaError, read_pointer
from mmsearch_dagster.adapters.registry.registry import CHAMPION
from mmsearch_dagster.adapters.registry.versions import MODEL_NAME
from tests.homes import Place

pytestmark = pytest.mark.slow


def test_both_readers_name_the_same_release_and_folder(tiny: Place) -> None:
    pointed = read_pointer(tiny.paths.mlflow, MODEL_NAME, CHAMPION)
    registry = tiny.released.registry

    assert pointed is not None
    assert pointed.manifest == registry.champion()
    assert pointed.folder == registry.model_folder(pointed.manifest.model_version)


def test_an_alias_that_nobody_set_names_nothing(tiny: Place) -> None:
    assert read_pointer(tiny.paths.mlflow, MODEL_NAME, "nobody") is None


@pytest.mark.parametrize("change", ["drop table registered_model_aliases", "the files are gone"])
def test_what_this_reader_does_not_know_is_left_to_mlflow(change: str, place: Place) -> None:
    if change.startswith("drop"):
        with closing(sqlite3.connect(place.paths.mlflow / "mlflow.db")) as connection:
            connection.execute(change)
            connection.commit()
    else:
        (place.paths.mlflow / "artifacts" / "models").rename(place.home / "elsewhere")

    with pytest.raises(OtherSchemaError):
        read_pointer(Path(place.paths.mlflow), MODEL_NAME, CHAMPION)
