"""A home made by version 0.1.0 goes on: opened, searched, refreshed and rolled back by the code of today.

How the home was made stands in `tests/fixtures/former_home.py`.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mmsearch_dagster.adapters.registry.ledger import Ledger
from mmsearch_dagster.adapters.registry.pyfunc.log_model import example_image
from mmsearch_dagster.adapters.registry.store import mlflow_module
from tests.fixtures.former_home import reviewed_files, unpack, write_shop
from tests.homes import Place

pytestmark = pytest.mark.slow
Captured = pytest.CaptureFixture[str]


@pytest.fixture
def former(tiny: Place, tmp_path: Path) -> Place:
    """The home of 0.1.0 as it comes out of its archive: in another folder than the one it was made in."""
    home = unpack(tmp_path)
    (home / "encoders").symlink_to(tiny.paths.encoder_cache.resolve())
    return Place(home, tmp_path / "shop" / "source.yaml", reviewed_files(tmp_path / "reviewed"))


def answer(place: Place, captured: Captured, *arguments: object) -> dict[str, Any]:
    """What `mmsearch search --json` says."""
    captured.readouterr()
    assert place.mmsearch("search", *arguments, "--k", 3, "--json") == 0
    return json.loads(captured.readouterr().out)


def test_it_is_opened_searched_refreshed_and_rolled_back(former: Place, capsys: Captured) -> None:
    assert former.mmsearch("search", "a red mug please") == 2
    assert "run `mmsearch relocate" in capsys.readouterr().err
    assert former.mmsearch("relocate") == 0

    lines = Ledger(former.paths.ledger).lines()
    first, second = [line.release_id for line in lines]
    assert not any(line.by_hand for line in lines)
    found = answer(former, capsys, "a red mug please")
    assert (found["release_id"], found["hits"][0]["product_id"]) == (second, "P00")
    assert answer(former, capsys, "--image", former.home.parent / "shop" / "0.png")["hits"]
    assert former.mmsearch("recommend", "--user", "u1", "--json") == 0
    assert former.mmsearch("releases", "--json") == 0

    write_shop(former.home.parent / "shop", renamed=4)
    assert former.run() == 0, capsys.readouterr().err
    third = former.manifest()
    refreshed = former.released.registry.manifest(3)
    assert (refreshed.refresh_of, refreshed.parent) == (second, second), "its own model over today's titles"
    assert (third.model_version, third.parent) == (4, refreshed.release_id)
    assert answer(former, capsys, "a black mug please")["hits"][0]["product_id"] == "P03"

    for release in (first, second, third.release_id):
        assert former.mmsearch("rollback", release, "--reason", "as it was") == 0
        found = answer(former, capsys, "a red mug please")
        assert (found["release_id"], found["hits"][0]["product_id"]) == (release, "P00")
    assert former.actions() == ["promotion"] * 4 + ["rollback"] * 3


def test_its_models_load_with_nothing_but_mlflow(former: Place, tiny: Place) -> None:
    assert former.mmsearch("relocate") == 0
    former.released.registry.champion()  # points this process's MLflow at the home
    cache = {"encoder_cache": str(tiny.paths.encoder_cache)}
    rows = pd.DataFrame({"text": ["a red mug", None], "image": [None, example_image()]})

    for name in ("models:/mmsearch/1", "models:/mmsearch@champion"):
        vectors = mlflow_module().pyfunc.load_model(name, model_config=cache).predict(rows)

        assert vectors.shape == (2, 24)
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)
