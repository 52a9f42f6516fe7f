"""Shops small enough for a test: a drawn one with everything in it, and bare ones from a few rows."""

import csv
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from mmsearch_dagster.demo_shop.write_shop import write_sample_store

REVIEWED = Path(__file__).parents[1] / "assets"

# Few kinds, so that each has products enough to be told apart by colour and pattern.
_KINDS = ("mug", "teddy_bear", "kite", "cushion", "toy_car", "headphones")
_SMALLER: dict[str, Any] = {
    "picture": {"size": 64},
    "products": {"count": 54},
    "log": {"users": 12, "events": 400, "days": 5},
    "media": {
        "films": 8,
        "film_size": 64,
        "frames": 4,
        "silent_sounds": 1,
        "broken_sounds": 1,
        "broken_films": 1,
    },
    "reviews": {"count": 60},
    "queries": {
        "words": 60,
        "chinese": 6,
        "spoken": 0,
        "pictures": 40,
        "mixed": 20,
        "splits": {"train": 0.5, "validation": 0.4, "test": 0.1},
    },
    # One of each at most: the policies refuse a shop with more than 5% of broken rows.
    "broken_rows": {"negative_price": 1, "picture_file_missing": 1},
}


def tiny_assets(folder: Path) -> Path:
    """The reviewed files with a short training and a gate that asks the same of fewer queries."""
    shutil.copytree(REVIEWED, folder)
    _edit(
        folder / "presets" / "run.yaml",
        {
            "train": {
                "steps": 60,
                "evaluate_every": 30,
                "pool": 64,
                "width": 384,
                "hidden": 32,
            }
        },
    )
    _edit(folder / "presets" / "run.yaml", {"derived": {"attributes": 60, "pairs": 60, "logged": 60}})
    wide = {
        "single_branch": {"max_uncertainty": 0.1},
        "champion": {"max_drop": 0.2, "max_drop_per_kind": 0.3},
    }
    _edit(folder / "policies" / "gate.yaml", {"resamples": 200, **wide})
    return folder


def _edit(file: Path, changes: Mapping[str, Any]) -> None:
    document = yaml.safe_load(file.read_text(encoding="utf-8"))
    file.write_text(yaml.safe_dump(_merged(document, changes), allow_unicode=True), encoding="utf-8")


def _merged(document: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(document)
    for key, value in changes.items():
        inner = merged.get(key)
        merged[key] = _merged(inner, value) if isinstance(inner, dict) and key != "broken_rows" else value
    return merged


def tiny_shop(folder: Path, *, spec_file: Path) -> Path:
    """The sample store's generator on a smaller specification; returns its `source.yaml`.

    54 products of six kinds with 64 px pictures, 126 judged queries, 400 logged events, two broken rows.
    """
    whole = yaml.safe_load((REVIEWED / "sample" / "store.yaml").read_text(encoding="utf-8"))
    kinds = {name: {**whole["kinds"][name], "similar": []} for name in _KINDS}
    spec = {**_merged(whole, _SMALLER), "name": "tiny", "kinds": kinds}
    spec_file.write_text(yaml.safe_dump(spec, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return write_sample_store(spec_file, folder)


def write_csv(file: Path, rows: Sequence[Mapping[str, object]]) -> Path:
    """The rows under the first row's field names."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.DictWriter(handle, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return file


def read_csv(file: Path) -> list[dict[str, str]]:
    """Rows of a CSV file as text."""
    with file.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def bare_shop(
    folder: Path,
    products: Sequence[Mapping[str, object]],
    judgments: Sequence[Mapping[str, object]] = (),
    *,
    events: Sequence[Mapping[str, object]] = (),
    catalogue: str = "bare",
) -> Path:
    """A shop whose files use the contract's own column names; returns its `source.yaml`."""
    tables = {}
    for table, rows in (("products", products), ("judgments", judgments), ("events", events)):
        if rows:
            tables[table] = {"path": write_csv(folder / f"{table}.csv", rows).name}
    source = folder / "source.yaml"
    source.write_text(yaml.safe_dump({"catalogue": catalogue, "tables": tables}), encoding="utf-8")
    return source
