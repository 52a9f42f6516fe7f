"""The benchmark's own measuring, each part on the smallest size that shows it works. No speed is asserted."""

import json
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import yaml
from PIL import Image
from rich.console import Console

from mmsearch_dagster.adapters.feature_store.feature_store import file_content
from mmsearch_dagster.adapters.models.describe import resolve
from mmsearch_dagster.adapters.models.load import load_encoder
from mmsearch_dagster.adapters.models.locate import locate
from mmsearch_dagster.core.encoders.protocol import EncoderSpec
from mmsearch_dagster.demo_shop.write_shop import SOURCE, write_sample_store
from mmsearch_dagster.settings import assets_folder
from tests.bench import image_speed, inputs, report, rerun_cost, text_speed, wall_time
from tests.bench.child import ChildError
from tests.bench.ratio import Ratio, cost, in_turns, speed

pytestmark = pytest.mark.slow

TEXTS = ["red shoe", "blue hat with dots", "kitchen knife", "红色运动鞋", "a"]
TEXT = EncoderSpec(modality="text", library="transformers")
IMAGE = EncoderSpec(modality="image", library="timm", size=64)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sample store of a few products with two broken rows."""
    folder = tmp_path_factory.mktemp("bench")
    fields = yaml.safe_load((assets_folder() / "sample" / "store.yaml").read_text(encoding="utf-8"))
    fields["products"]["count"] = 60
    fields["broken_rows"] = {"missing_id": 1, "duplicate_id": 1}
    fields["log"] |= {"users": 5, "events": 50}
    fields["queries"] |= {"words": 10, "chinese": 2, "spoken": 0, "pictures": 3, "mixed": 2}
    fields["media"] |= {"films": 2, "film_size": 48, "frames": 2}
    spec = folder / "store.yaml"
    spec.write_text(yaml.safe_dump(fields, allow_unicode=True), encoding="utf-8")
    return write_sample_store(spec, folder / "store").parent


@pytest.fixture
def pictures(tmp_path: Path) -> list[Path]:
    """Three smooth pictures of different shapes and colours."""
    paths = []
    for number, size in enumerate([(90, 70), (64, 100), (80, 80)]):
        down, right = np.mgrid[0 : size[0], 0 : size[1]].astype(np.float64)
        channels = np.roll([2 * down, 255 - 2 * right, down + right], number, axis=0)
        pixels = np.moveaxis(channels, 0, 2).clip(0, 255).astype(np.uint8)
        paths.append(tmp_path / f"{number}.png")
        Image.fromarray(pixels).save(paths[-1])
    return paths


def test_contenders_take_turns() -> None:
    order: list[str] = []
    seconds = in_turns({"a": lambda: order.append("a"), "b": lambda: order.append("b")}, rounds=3)
    assert order == ["a", "b"] * 3
    assert [len(seconds["a"]), len(seconds["b"])] == [3, 3]


def test_speed_is_items_over_the_median_round() -> None:
    ratio = speed("x", 10, [1.0, 2.0, 9.0], [4.0, 4.0, 4.0], target=2.0)
    assert (ratio.ours, ratio.theirs, ratio.value) == (5.0, 2.5, 2.0)
    assert ratio.met
    assert ratio.per_round == (4.0, 2.0, 4.0 / 9.0)


def test_cost_is_met_below_its_target() -> None:
    assert cost("x", "s", [1.0], [20.0], target=0.05).met
    assert not cost("x", "s", [1.1], [20.0], target=0.05).met


def test_text_encoders_agree(tmp_path: Path) -> None:
    (ratio,) = text_speed.measure(TEXTS, TEXT, tmp_path, rounds=1)
    assert ratio.value > 0
    assert "least cosine 1.0000" in ratio.note


def test_other_vectors_are_no_comparison(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_speed, "_their_vectors", lambda _, texts: np.ones((len(texts), 384), np.float32))
    with pytest.raises(AssertionError, match="not the same vectors"):
        text_speed.measure(TEXTS, TEXT, tmp_path, rounds=1)


def test_image_encoder_is_measured_against_both(tmp_path: Path, pictures: list[Path]) -> None:
    ratios = image_speed.measure(pictures, IMAGE, tmp_path / "cache", rounds=1)
    assert [ratio.target for ratio in ratios] == [0.85, 3.0]
    assert ratios[0].ours == ratios[1].ours
    assert all(ratio.value > 0 for ratio in ratios)


def test_plain_loop_sees_the_same_pictures(tmp_path: Path, pictures: list[Path]) -> None:
    ours = image_speed.encode_pictures(load_encoder(IMAGE, tmp_path / "cache"), pictures)
    in_order = np.stack([ours[file_content(path).key] for path in pictures])
    theirs = image_speed.plain_loop(resolve(IMAGE, locate(IMAGE)))(pictures)
    assert text_speed.least_cosine(in_order, theirs) > 0.9


def test_one_percent_of_the_products_change(store: Path, tmp_path: Path) -> None:
    touched = rerun_cost.change_products(store, tmp_path / "changed", 0.05)
    before = pl.read_csv(store / "products.csv", infer_schema=False)
    after = pl.read_csv(tmp_path / "changed" / "products.csv", infer_schema=False)
    other = (before["title"].fill_null("") != after["title"].fill_null("")).sum()
    assert touched == other == 3
    assert before.drop("title").equals(after.drop("title"))
    repainted = [
        path
        for path in (store / "images").iterdir()
        if path.read_bytes() != (tmp_path / "changed" / "images" / path.name).read_bytes()
    ]
    assert len(repainted) >= touched


def test_second_run_encodes_what_changed(store: Path, encoders: Path, tmp_path: Path) -> None:
    (tmp_path / "rerun-0").mkdir()
    (tmp_path / "rerun-0" / "encoders").symlink_to(encoders)
    calls, encoding, in_all = rerun_cost.measure(store, tmp_path, (TEXT,), rounds=1)
    assert 2 <= calls.ours <= 4  # one product: a title and its pictures
    assert calls.theirs > 100
    assert 0 < encoding.ours < in_all.ours


def test_commands_are_timed_each_in_its_own_home(tmp_path: Path) -> None:
    def touch(home: Path) -> list[str]:
        return [sys.executable, "-c", f"import pathlib; pathlib.Path({str(home)!r}).mkdir()"]

    (ratio,) = wall_time.compare(touch, touch, tmp_path, rounds=2)
    assert len(ratio.per_round) == 2
    assert list(tmp_path.iterdir()) == []


def test_a_failing_command_is_not_timed(tmp_path: Path) -> None:
    def fail(home: Path) -> list[str]:
        return [sys.executable, "-c", "raise SystemExit('no shop here')"]

    with pytest.raises(ChildError, match="no shop here"):
        wall_time.compare(fail, fail, tmp_path, rounds=1)


def test_inputs_fall_back_to_the_sample_store(store: Path, tmp_path: Path) -> None:
    found = inputs.gather(tmp_path, store, texts=10, pictures=2)
    assert (len(found.texts), len(found.pictures)) == (10, 2)
    assert found.origin == "texts: sample store, pictures: sample store"
    assert (store / SOURCE).is_file()


def test_report_says_what_was_met(tmp_path: Path) -> None:
    ratios = [
        Ratio("fast", "items/s", 30, 10, 2.0, True, (3.0,)),
        Ratio("dear", "s", 3, 2, 1.15, False, (1.5,)),
    ]
    machine = {"processor": "test", "threads": 2}
    console = Console(record=True, width=100)
    report.show(ratios, machine, console)
    shown = console.export_text()
    assert all(part in shown for part in ("fast", "3.000", "≥ 2.0", "dear", "1.500", "≤ 1.15"))
    report.write(ratios, machine, tmp_path / "bench.json")
    written = json.loads((tmp_path / "bench.json").read_text(encoding="utf-8"))
    assert [one["met"] for one in written["ratios"]] == [True, False]
    assert written["machine"] == machine
