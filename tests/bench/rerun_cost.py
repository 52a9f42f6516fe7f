"""What encoding costs again when 1% of the products changed, each run a fresh process."""

import csv
import json
import shutil
from collections import Counter
from pathlib import Path

from PIL import Image, ImageOps

from mmsearch_dagster.adapters.models.load import load_encoder
from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.encoders.protocol import EncoderSpec
from mmsearch_dagster.demo_shop.rows import IMAGES, SEPARATOR
from mmsearch_dagster.demo_shop.write_shop import SOURCE
from mmsearch_dagster.settings import Settings
from tests.bench.child import run_module
from tests.bench.ratio import Ratio, cost

SHARE = 0.01
TARGET = 0.05


def measure(store: Path, work: Path, encoders: tuple[EncoderSpec, ...], *, rounds: int) -> list[Ratio]:
    """Encoder calls and seconds of the second run over the first.

    The first run finds its encoders exported already: an export would only flatter the second. Loading
    them costs both runs the same; it is shown beside the encoding, whose share grows with the catalogue.
    """
    changed = work / "changed"
    touched = change_products(store, changed, SHARE)
    first, second = [], []
    for number in range(rounds):
        home = work / f"rerun-{number}"
        for spec in encoders:
            load_encoder(spec, Settings(home).paths.encoder_cache)
        first.append(_encode(home, store))
        second.append(_encode(home, changed))
        shutil.rmtree(home)
    return _ratios(first, second, f"{touched} products changed, their titles and pictures")


def _encode(home: Path, store: Path) -> dict[str, float]:
    found = json.loads(run_module("tests.bench.encode_run", str(home), str(store / SOURCE)))
    return {**found, "in all": found["loading"] + found["encoding"]}


def _ratios(first: list[dict[str, float]], second: list[dict[str, float]], note: str) -> list[Ratio]:
    rows = {
        "re-run with 1% changed: encoder calls": ("calls", "contents"),
        "re-run with 1% changed: encoding alone": ("encoding", "s"),
        "re-run with 1% changed: encoding, model loading included": ("in all", "s"),
    }
    return [
        cost(what, unit, [run[key] for run in second], [run[key] for run in first], target=TARGET, note=note)
        for what, (key, unit) in rows.items()
    ]


def change_products(store: Path, target: Path, share: float) -> int:
    """A copy of the sample store where that share of the products has another title and other pictures."""
    shutil.copytree(store, target)
    file = target / "products.csv"
    with file.open(encoding="utf-8", newline="") as opened:
        reader = csv.DictReader(opened)
        fields, rows = list(reader.fieldnames or ()), list(reader)
    times = Counter(row[col.PRODUCT_ID] for row in rows)
    whole = [row for row in rows if row[col.TITLE] and row[IMAGES] and times[row[col.PRODUCT_ID]] == 1]
    # The broken rows stand in the second half of the export.
    whole = [row for row in whole[: len(rows) // 2] if (target / _pictures(row)[0]).is_file()]
    count = max(1, round(share * len(rows)))
    for number in range(count):
        row = whole[number * len(whole) // count]
        row[col.TITLE] += " II"
        for picture in _pictures(row):
            _mirror(target / picture)
    with file.open("w", encoding="utf-8", newline="") as opened:
        writer = csv.DictWriter(opened, fields, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return count


def _pictures(row: dict[str, str]) -> list[str]:
    return row[IMAGES].split(SEPARATOR)


def _mirror(path: Path) -> None:
    with Image.open(path) as picture:
        mirrored = ImageOps.mirror(picture)
    mirrored.save(path, quality=85)
