"""What is encoded: the fashion titles and grocery photos where they are, else the sample store's."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from mmsearch_dagster.core.catalog import columns as col


@dataclass(frozen=True)
class Inputs:
    """Distinct texts and picture files, and where they came from."""

    texts: tuple[str, ...]
    pictures: tuple[Path, ...]
    origin: str


def gather(data: Path, store: Path, *, texts: int, pictures: int) -> Inputs:
    """At most so many of each, evenly spread over what is there."""
    fashion, grocery = data / "fashion" / "products.csv", data / "grocery" / "images"
    found_texts = _titles(fashion if fashion.is_file() else store / "products.csv")
    photos = sorted((grocery if grocery.is_dir() else store / "queries").rglob("*.jpg"))
    return Inputs(
        texts=tuple(_spread(found_texts, texts)),
        pictures=tuple(_spread(photos, pictures)),
        origin=f"texts: {'fashion' if fashion.is_file() else 'sample store'}, "
        f"pictures: {'grocery' if grocery.is_dir() else 'sample store'}",
    )


def _titles(file: Path) -> list[str]:
    titles = pl.read_csv(file, columns=[col.TITLE], infer_schema=False)[col.TITLE]
    return titles.drop_nulls().unique(maintain_order=True).to_list()


def _spread(found: list[Any], most: int) -> list[Any]:
    if len(found) <= most:
        return found
    return [found[number * len(found) // most] for number in range(most)]
