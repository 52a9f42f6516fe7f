"""What the log calls people stands nowhere in what a run writes."""

import json
from collections.abc import Iterator
from pathlib import Path

import lancedb
import polars as pl
import pytest

from tests.homes import Place

pytestmark = pytest.mark.slow


def people_of(shop: Path) -> set[str]:
    """Every id of a person, browser or visit in the shop's log."""
    documents = [json.loads(line) for line in (shop.parent / "ubi.ndjson").read_text("utf-8").splitlines()]
    names = ("client_id", "user_id", "session_id")
    return {str(one[name]) for one in documents for name in names if one.get(name)}


def written(place: Place) -> Iterator[tuple[str, bytes]]:
    """Everything in the home, compressed tables unpacked."""
    for file in place.home.rglob("*"):
        if not file.is_file() or file.suffix in (".onnx", ".weights"):
            continue
        yield str(file), file.read_bytes()
        if file.suffix == ".parquet":
            yield str(file), _scalars(pl.read_parquet(file))
    for folder in (place.paths.index, place.home / "evaluation_index"):
        connection = lancedb.connect(folder)
        for name in connection.table_names():
            yield f"{folder}/{name}", _scalars(pl.DataFrame(connection.open_table(name).to_arrow()))


def _scalars(frame: pl.DataFrame) -> bytes:
    return frame.select(pl.exclude("^.*vector$")).write_ndjson().encode()


def test_no_raw_id_is_anywhere_under_the_home(tiny: Place, shop: Path) -> None:
    people = people_of(shop)
    assert "shopper-0002" in people
    assert len(people) > 20

    leaks = [
        (name, person) for name, content in written(tiny) for person in people if person.encode() in content
    ]

    assert leaks == []


def test_the_same_person_keeps_one_pseudonym_across_tables(tiny: Place) -> None:
    lake = tiny.workspace.lake
    searches, events = lake.current("searches").table(), lake.current("interactions").table()

    asked = set(searches["user_id"].unique())
    assert len(asked) > 5
    assert asked & set(events["user_id"].unique())
    assert all(len(one) == 32 for one in asked)
