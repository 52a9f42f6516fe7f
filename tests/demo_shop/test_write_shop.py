"""The sample shop on disk: whole or not at all, the same bytes every time, and made only once."""

import csv
import os
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import polars as pl
import pytest
import yaml
from PIL import Image

from mmsearch_dagster.core.catalog.schemas import TABLES
from mmsearch_dagster.core.errors import ConfigError
from mmsearch_dagster.demo_shop.write_shop import write_sample_store
from tests.watchers import Recorded

pytestmark = pytest.mark.slow

SPEC_FILE = Path(__file__).parents[2] / "assets" / "sample" / "store.yaml"


def _small(path: Path, **products: object) -> Path:
    """The shipped shop with fewer of everything."""
    facts = yaml.safe_load(SPEC_FILE.read_text(encoding="utf-8"))
    facts["picture"]["size"] = 64
    facts["products"] |= {"count": 60, **products}
    facts["log"] |= {"users": 20, "events": 300}
    facts["queries"] |= {"words": 12, "chinese": 4, "spoken": 3, "pictures": 5, "mixed": 4}
    facts["media"] |= {"films": 6, "film_size": 48, "frames": 4}
    facts["reviews"]["count"] = 20
    path.write_text(yaml.safe_dump(facts, sort_keys=False), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def spec_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _small(tmp_path_factory.mktemp("spec") / "store.yaml")


@pytest.fixture(scope="module")
def store(spec_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sample_store(spec_file, tmp_path_factory.mktemp("home") / "sample").parent


def _bytes(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def _products(store: Path) -> list[dict[str, str]]:
    with (store / "products.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_mapping_names_files_columns_and_contract_names_that_exist(store: Path) -> None:
    mapping = yaml.safe_load((store / "source.yaml").read_text(encoding="utf-8"))
    assert set(mapping["tables"]) == {"products", "searches", "events", "judgments", "reviews"}
    for table, files in mapping["tables"].items():
        for file in files:
            assert (store / file["path"]).is_file()
            columns = file.get("columns", {})
            assert set(columns) <= set(TABLES[table])
            if columns:
                header = pl.read_csv(store / file["path"], infer_schema=False).columns
                mapped = {key: value for key, value in columns.items() if isinstance(value, str)}
                assert {*mapped.values(), *columns.get("attributes", {}).values()} <= set(header)


def test_the_same_bytes_in_another_process(spec_file: Path, store: Path, tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; "
        "from mmsearch_dagster.demo_shop.write_shop import write_sample_store as write; "
        "write(Path(sys.argv[1]), Path(sys.argv[2]))"
    )
    env = {**os.environ, "PYTHONHASHSEED": "7"}
    subprocess.run([sys.executable, "-c", code, str(spec_file), str(tmp_path / "again")], env=env, check=True)
    assert _bytes(tmp_path / "again") == _bytes(store)


def test_every_picture_that_is_named_is_there_save_the_broken_ones(store: Path) -> None:
    unreadable = []
    for row in _products(store):
        for path in filter(None, row["images"].split("|")):
            try:
                with Image.open(store / path) as picture:
                    picture.load()
            except OSError:
                unreadable.append(path)
    assert len(unreadable) == 2
    assert sum("lost" in path for path in unreadable) == 1
    with (store / "judgments.csv").open(encoding="utf-8", newline="") as file:
        photos = {row["image"] for row in csv.DictReader(file)} - {""}
    assert photos == {f"queries/{path.name}" for path in (store / "queries").glob("*.jpg")}
    assert len(photos) >= 5
    assert all(Image.open(store / photo).size == (64, 64) for photo in photos)


def test_no_picture_lies_about_unused(store: Path) -> None:
    named = {path for row in _products(store) for path in row["images"].split("|")}
    assert {f"images/{path.name}" for path in (store / "images").iterdir()} <= named


def test_sounds_and_films_are_real_files_save_the_broken_ones(store: Path) -> None:
    import av

    unreadable = []
    named = {kind: [row[kind] for row in _products(store) if row[kind]] for kind in ("sound", "video")}
    for kind, paths in named.items():
        assert len(set(paths)) == len(paths) >= 6
        assert {f"{kind}s/{path.name}" for path in (store / f"{kind}s").iterdir()} == set(paths)
        for path in paths:
            stream = "audio" if kind == "sound" else "video"
            try:
                with av.open(store / path) as container:
                    assert sum(1 for _ in container.decode(**{stream: 0})) > 0
            except (av.FFmpegError, IndexError):
                unreadable.append(path)
    assert sum(path.startswith("sounds") for path in unreadable) == 2
    assert sum(path.startswith("videos") for path in unreadable) in (1, 2)


def test_spoken_queries_name_their_sound_and_say_nothing_in_words(store: Path) -> None:
    pytest.importorskip("espeakng_loader")
    with (store / "judgments.csv").open(encoding="utf-8", newline="") as file:
        said = [row for row in csv.DictReader(file) if row["audio"]]
    assert {row["audio"] for row in said} == {f"queries/{p.name}" for p in (store / "queries").glob("*.wav")}
    assert len({row["query_id"] for row in said}) == 3
    assert not any(row["query_text"] or row["image"] for row in said)


def test_without_a_synthesiser_the_shop_has_no_voices_and_is_another_one(
    spec_file: Path, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mmsearch_dagster.demo_shop import write_media, write_shop

    for module in (write_media, write_shop):
        monkeypatch.setattr(module, "can_speak", lambda: False)
    watch = Recorded()
    silent = write_sample_store(spec_file, tmp_path / "shop", watch).parent
    assert not list((silent / "queries").glob("*.wav"))
    assert any("espeakng-loader is not installed" in str(note) for note in watch.of("finish"))
    assert (silent / ".made-from").read_text() != (store / ".made-from").read_text()
    assert "voice-" not in (silent / "judgments.csv").read_text(encoding="utf-8")


def test_a_second_call_does_nothing(spec_file: Path, store: Path) -> None:
    watch, before = Recorded(), (store / "products.csv").stat().st_mtime_ns
    assert write_sample_store(spec_file, store, watch) == store / "source.yaml"
    assert not any(watch.of("start"))
    assert (store / "products.csv").stat().st_mtime_ns == before


def test_a_changed_specification_replaces_the_shop_and_leaves_nothing_behind(tmp_path: Path) -> None:
    home, watch = tmp_path / "home", Recorded()
    write_sample_store(_small(tmp_path / "a.yaml"), home / "sample")
    (home / ".sample.part-killed").mkdir()
    write_sample_store(_small(tmp_path / "b.yaml", count=45), home / "sample", watch)
    assert [path.name for path in home.iterdir()] == ["sample"]
    assert len(_products(home / "sample")) == 45 + 10
    assert sum(watch.of("advance")) == sum(watch.of("start")) > 45
    assert len(watch.of("finish")) == 3


def test_an_empty_folder_is_filled_and_a_foreign_one_is_left_alone(spec_file: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert write_sample_store(spec_file, tmp_path / "empty").is_file()
    foreign = tmp_path / "photos"
    foreign.mkdir()
    (foreign / "holiday.jpg").write_bytes(b"mine")
    with pytest.raises(ConfigError, match="photos: holds something that is not a sample store"):
        write_sample_store(spec_file, foreign)
    assert (foreign / "holiday.jpg").read_bytes() == b"mine"


def test_a_missing_specification_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.yaml: cannot read"):
        write_sample_store(tmp_path / "nowhere.yaml", tmp_path / "shop")
    assert not (tmp_path / "shop").exists()


def test_the_shipped_shop_is_whole(tmp_path: Path) -> None:
    folder = write_sample_store(SPEC_FILE, tmp_path / "shop").parent
    assert len(_products(folder)) == 510
    lines = (folder / "ubi.ndjson").read_text(encoding="utf-8").splitlines()
    assert sum('"_index": "ubi_events"' in line for line in lines) == 20_000
    judged = pl.read_csv(folder / "judgments.csv", infer_schema=False)
    spoken = len(list((folder / "queries").glob("*.wav")))
    assert judged["query_id"].n_unique() == 240 + 120 + 160 + 80 + spoken
    assert pl.read_csv(folder / "reviews.csv", infer_schema=False).height == 600
