"""Sounds and videos of a shop, from its files to the index; bad files are left out with a reason."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import yaml

from mmsearch_dagster.core.fusion.config import FusionSpec
from mmsearch_dagster.core.fusion.initialization import initialise
from mmsearch_dagster.core.fusion.model import TwoTower
from mmsearch_dagster.core.modalities import AUDIO, IMAGE, TEXT, VIDEO
from mmsearch_dagster.pipeline.features.encode import FAILURES, asset_of, encode_catalogue
from mmsearch_dagster.pipeline.features.index_rows import index_rows
from mmsearch_dagster.pipeline.features.media_quarantine import quarantine_media
from mmsearch_dagster.pipeline.ingest.remote_media import fetch_media
from mmsearch_dagster.pipeline.ingest.tables import read_raw, read_searches, validate
from mmsearch_dagster.pipeline.report import StepReport
from mmsearch_dagster.pipeline.training.examples import item_views
from mmsearch_dagster.pipeline.workspace import Workspace
from mmsearch_dagster.settings import Settings
from tests import shops
from tests.media import flat, noise, sound_file, tone, video_file

pytestmark = pytest.mark.slow

GOOD = {
    "sounds/колокол 钟 🔔.wav": sound_file(tone(440, 1.0)),
    "sounds/short.flac": sound_file(tone(880, 0.05), "flac"),
    "sounds/silent.ogg": sound_file(np.zeros(16_000, np.float32), "opus"),
    "sounds/long.mp3": sound_file(noise(120.0, 8_000), "mp3", 8_000),
    "videos/шар 球.mp4": video_file([flat((255, 0, 0))] * 10),
    "videos/turn.webm": video_file([flat((0, 200, 0))] * 5 + [flat((0, 0, 200))] * 5, "webm"),
    "videos/one.gif": video_file([flat((9, 9, 200))], "gif"),
}
BAD = {
    "sounds/empty.wav": (b"", "empty file"),
    "sounds/words.mp3": (b"not a sound at all", "a text file"),
    "sounds/picture.wav": (b"\x89PNG\r\n\x1a\n" + bytes(40), "a picture"),
    "videos/heard.mp4": (sound_file(tone(440, 0.5), "m4a"), "no video stream"),
    "videos/half.mp4": (video_file([flat((255, 0, 0))] * 30)[:700], "truncated"),
    "videos/empty.webm": (b"", "empty file"),
}


def a_shop(folder: Path) -> Path:
    files = {**GOOD, **{uri: raw for uri, (raw, _) in BAD.items()}, "sounds/gone.wav": None}
    for uri, raw in files.items():
        if raw is not None:
            (folder / uri).parent.mkdir(parents=True, exist_ok=True)
            (folder / uri).write_bytes(raw)
    rows = [
        {
            "product_id": f"p{number}",
            "title": f"thing {number}",
            "audio_uri": uri if uri.startswith("sounds") else "",
            "video_uri": uri if uri.startswith("videos") else "",
        }
        for number, uri in enumerate(files)
    ]
    return shops.bare_shop(folder, [*rows, {**rows[0], "product_id": "bare", "audio_uri": ""}])


def reviewed(folder: Path) -> Path:
    """Only encoders of sound and video; torch and small frames, so that no graph is exported."""
    assets = shops.tiny_assets(folder)
    file = assets / "presets" / "run.yaml"
    preset = yaml.safe_load(file.read_text(encoding="utf-8"))
    kept = [spec for spec in preset["encoders"] if spec["modality"] in (AUDIO, VIDEO)]
    for spec in kept:
        spec |= {"runtime": "torch", "size": 64} if spec["modality"] == VIDEO else {}
    file.write_text(yaml.safe_dump({**preset, "encoders": kept}), encoding="utf-8")
    return assets


def a_workspace(folder: Path, source: Path) -> Workspace:
    workspace = Workspace(Settings(folder / "home", source), reviewed(folder / "assets"))
    for table, asset in (("products", "products"), ("judgments", "queries")):
        read_raw(workspace, table)
        validate(workspace, asset)
    read_raw(workspace, "searches")
    read_searches(workspace)
    fetch_media(workspace)
    return workspace


@pytest.fixture(scope="module")
def encoded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, dict[str, StepReport]]:
    folder = tmp_path_factory.mktemp("media")
    workspace = a_workspace(folder, a_shop(folder / "shop"))
    return workspace, {name: encode_catalogue(workspace, name) for name in (TEXT, IMAGE, AUDIO, VIDEO)}


def left_out(workspace: Workspace, asset: str) -> dict[str, str]:
    table = pl.read_parquet(workspace.lake.current(asset).folder / FAILURES)
    return dict(table.select("uri", "reason").iter_rows())


def test_every_readable_file_has_a_vector(encoded: tuple[Workspace, dict[str, StepReport]]) -> None:
    _, reports = encoded
    assert (reports[AUDIO].rows, reports[VIDEO].rows) == (4, 3)


def test_every_bad_file_is_left_out_with_its_reason_and_the_run_goes_on(
    encoded: tuple[Workspace, dict[str, StepReport]],
) -> None:
    workspace, reports = encoded
    told = left_out(workspace, "audio_features") | left_out(workspace, "video_features")
    assert set(told) == {*BAD, "sounds/gone.wav"}
    assert all(words in told[uri] for uri, (_, words) in BAD.items())
    assert "cannot be read" in told["sounds/gone.wav"]
    assert [reports[name].tables["left out"].height for name in (AUDIO, VIDEO)] == [4, 3]


def test_they_are_one_quarantine_with_a_warning_above_the_limit(
    encoded: tuple[Workspace, dict[str, StepReport]],
) -> None:
    workspace, _ = encoded

    report, checks = quarantine_media(workspace)

    table = workspace.lake.current("media_quarantine").table()
    assert table.columns == ["product_id", "modality", "uri", "reason"]
    assert dict(table.select("uri", "reason").iter_rows()) == left_out(
        workspace, "audio_features"
    ) | left_out(workspace, "video_features")
    found = {
        one["name"]: (one["passed"], one["figures"]["left out"], one["figures"]["files"]) for one in checks
    }
    assert found == {
        "readable_audio": (False, 4, 8),
        "readable_video": (False, 3, 6),
        "readable_image": (True, 0, 0),
    }
    assert {one["severity"] for one in checks} == {"warn"}
    assert report.made
    assert not quarantine_media(workspace)[0].made


def test_nothing_is_encoded_twice(encoded: tuple[Workspace, dict[str, StepReport]]) -> None:
    workspace, _ = encoded
    assert [encode_catalogue(workspace, name).metrics["encoded now"] for name in (AUDIO, VIDEO)] == [0, 0]


def test_towers_and_index_read_them(encoded: tuple[Workspace, dict[str, StepReport]]) -> None:
    workspace, _ = encoded
    features = {name: workspace.lake.current(asset_of(name)) for name in (AUDIO, VIDEO)}
    frames = features[VIDEO].facts["frames"]
    items = item_views(workspace.lake.current("products").table(), features)
    model = TwoTower(
        FusionSpec(
            strategy="weighted",
            item_widths=items.widths,
            query_widths={AUDIO: items.widths[AUDIO]},
            width=16,
            hidden=8,
            frames={VIDEO: frames},
        )
    )
    initialise(model, items)
    fused = model.items(items)
    products = workspace.lake.current("products").table()
    rows = index_rows(products, items, fused, model.spec.frames)
    assert rows.schema["video_vector"] == pl.Array(pl.Float32, items.widths[VIDEO] // frames)
    assert rows["video_vector"].drop_nulls().len() == 3
    assert rows["audio_vector"].drop_nulls().len() == 4
    assert np.isfinite(fused).all()
    assert fused.any(axis=1).sum() == 7


def test_a_shop_without_sounds_and_videos_pays_nothing_for_them(tmp_path: Path) -> None:
    source = shops.bare_shop(tmp_path / "shop", [{"product_id": "p1", "title": "red mug"}])
    code = (
        "import sys\nfrom pathlib import Path\n"
        "from mmsearch_dagster.pipeline.features.encode import encode_catalogue\n"
        "from mmsearch_dagster.pipeline.ingest.tables import read_raw, validate\n"
        "from mmsearch_dagster.pipeline.workspace import Workspace\n"
        "from mmsearch_dagster.settings import Settings\n"
        "home, source, assets = map(Path, sys.argv[1:])\n"
        "w = Workspace(Settings(home, source), assets)\n"
        "read_raw(w, 'products'); validate(w, 'products')\n"
        "rows = [encode_catalogue(w, name).rows for name in ('text', 'image', 'audio', 'video')]\n"
        "heavy = {'av', 'librosa', 'numba', 'torch', 'onnxruntime'} & set(sys.modules)\n"
        "print(rows, sorted(heavy))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "home"), str(source), str(reviewed(tmp_path / "assets"))],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.stdout.strip().splitlines()[-1] == "[0, 0, 0, 0] []", done.stderr
