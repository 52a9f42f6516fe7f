"""`mmsearch bench quality` measures the encoders and the training that a run would use."""

import sys
from pathlib import Path
from unittest import mock

import pytest
import yaml

from mmsearch_dagster.cli import main
from mmsearch_dagster.core.errors import MmsearchError
from mmsearch_dagster.pipeline import run
from mmsearch_dagster.pipeline.workspace import Workspace
from mmsearch_dagster.settings import Settings, assets_folder
from tests.shops import bare_shop
from tests.tiny_networks import coloured, tiny_folder


def mmsearch(*arguments: object) -> int:
    argv = ["mmsearch", *map(str, arguments)]
    with mock.patch.object(sys, "argv", argv), pytest.raises(SystemExit) as ended:
        main.main()
    return int(ended.value.code or 0)


def test_the_options_of_a_run_reach_what_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Workspace] = []

    def stop(workspace: Workspace) -> None:
        asked.append(workspace)
        raise MmsearchError("seen enough")

    monkeypatch.setattr(run, "prepare", stop)
    mmsearch("bench", "quality", "--home", tmp_path / "home", "--finetune", "--preset", "multilingual")
    mmsearch("bench", "quality", "--home", tmp_path / "home")

    first, second = (one.settings for one in asked)
    assert (first.finetune, first.preset) == (True, assets_folder() / "presets" / "multilingual.yaml")
    assert asked[0].finetune is not None
    assert (second.finetune, second.preset) == (False, None)


@pytest.mark.slow
def test_what_is_measured_was_read_by_the_tuned_network(tmp_path: Path) -> None:
    products, judged = [], []
    for number in range(3):
        (tmp_path / f"own{number}.png").write_bytes(coloured(number, number))
        products.append(
            {"product_id": f"P{number}", "title": f"cup {number}", "image_uris": f"own{number}.png"}
        )
        for photo in range(4):
            name = f"photo{number}{photo}.png"
            (tmp_path / name).write_bytes(coloured(number, 100 + 10 * number + photo))
            split = "validation" if photo == 3 else "train"
            judged.append(
                {"query_id": name, "image": name, "product_id": f"P{number}", "grade": 3, "split": split}
            )
    source = bare_shop(tmp_path, products, judged)
    encoder = {"modality": "image", "library": "timm", "model": str(tiny_folder(tmp_path / "tiny"))}
    preset = tmp_path / "preset.yaml"
    recipe = {"epochs": 1, "batch": 4, "sizes": [32], "encode_size": 32, "stages": 1}
    chosen = {"encoders": [encoder], "train": {"steps": 2}, "finetune": recipe}
    preset.write_text(yaml.safe_dump(chosen), encoding="utf-8")
    workspace = Workspace(Settings(tmp_path / "home", source, preset=preset))

    run.prepare(workspace)

    tuned = workspace.encoder("image")
    assert tuned is not None
    assert workspace.lake.current("image_features").facts["encoder"] == workspace.identity(tuned).fingerprint
    assert tuned != workspace.preset.encoder("image")
