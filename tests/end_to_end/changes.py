"""The tiny shop a day later."""

import shutil
from pathlib import Path

from tests.homes import Place
from tests.shops import read_csv, write_csv


def changed_shop(place: Place, folder: Path) -> Path:
    """A copy of the shop with one new title, one new product and one product gone."""
    assert place.source is not None
    shutil.copytree(place.source.parent, folder)
    rows = read_csv(folder / "products.csv")
    good = [row for row in rows if row["title"] and row["images"]]
    good[0]["title"] = "Completely renamed thing"
    new = {**good[1], "product_id": "NEW-1", "title": "Brand new purple kite"}
    write_csv(folder / "products.csv", [row for row in rows if row is not good[2]] + [new])
    return folder / "source.yaml"


def relogged_shop(place: Place, folder: Path) -> Path:
    """A copy of the shop whose log is a few events shorter: the catalogue is the same, a training is due."""
    assert place.source is not None
    shutil.copytree(place.source.parent, folder)
    log = folder / "ubi.ndjson"
    lines = log.read_text(encoding="utf-8").splitlines(keepends=True)
    log.write_text("".join(lines[:-20]), encoding="utf-8")
    return folder / "source.yaml"


def repriced_shop(place: Place, folder: Path) -> Path:
    """A copy of the shop with another price, one new product and one product gone."""
    assert place.source is not None
    shutil.copytree(place.source.parent, folder)
    rows = read_csv(folder / "products.csv")
    good = [row for row in rows if row["title"] and row["images"]]
    good[0]["price"] = "1234.5"
    new = {**good[1], "product_id": "NEW-1", "title": "Brand new purple kite"}
    write_csv(folder / "products.csv", [row for row in rows if row is not good[2]] + [new])
    return folder / "source.yaml"
