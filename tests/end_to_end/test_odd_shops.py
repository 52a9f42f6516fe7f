"""Shops that lack something: each gets a release, or one sentence that says why not."""

import shutil
from pathlib import Path

import pytest

from mmsearch_dagster.adapters.lake.snapshots import Lake
from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.modalities import MODALITIES
from mmsearch_dagster.core.retrieval.query import Query
from mmsearch_dagster.pipeline.features.encode import asset_of
from mmsearch_dagster.pipeline.ingest.tables import VALIDATED
from tests.homes import Place
from tests.shops import bare_shop, read_csv

pytestmark = pytest.mark.slow


def good_rows(shop: Path) -> list[dict[str, str]]:
    """Products of the tiny shop that have a title and a picture that exists."""
    rows = read_csv(shop.parent / "products.csv")
    return [row for row in rows if row["title"] and (shop.parent / row["images"].split("|")[0]).is_file()]


def run(place: Place, source: Path) -> tuple[int, Place]:
    opened = Place(place.home, source, place.assets)
    return opened.run(), opened


def one_sentence(captured: pytest.CaptureFixture[str]) -> str:
    """What standard error says, without the line break of a terminal."""
    lines = captured.readouterr().err.strip().splitlines()
    assert len(lines) == 1, lines
    return lines[0]


def test_a_shop_of_words_alone_is_released_and_answers_words(
    new_place: Place, shop: Path, tmp_path: Path
) -> None:
    """Nobody judged a query: the catalogue examines itself by its titles, which full text finds as well."""
    rows = good_rows(shop)
    names = ("product_id", "title", "description", "category", "brand", "price")
    products = [{name: row[name] for name in names} for row in rows]

    code, place = run(new_place, bare_shop(tmp_path / "words", products))

    assert code == 0
    assert [one.modality for one in place.manifest().encoders] == ["text"]
    found = place.released.engine().search(Query(text=rows[0]["title"]), k=3)
    assert rows[0]["product_id"] in [hit.product_id for hit in found.hits]


def test_a_shop_of_pictures_alone_is_released_and_answers_photos(
    new_place: Place, shop: Path, tmp_path: Path
) -> None:
    """Nothing can be fused here: a draw with the encoder is enough."""
    pictures = [shop.parent / row["images"].split("|")[0] for row in good_rows(shop)]
    folder = tmp_path / "pictures"
    shutil.copytree(shop.parent / "images", folder / "images")
    products = [{"product_id": one.stem, "image_uris": f"images/{one.name}"} for one in pictures]

    code, place = run(new_place, bare_shop(folder, products))

    assert code == 0
    assert [one.modality for one in place.manifest().encoders] == ["image"]
    best = place.released.engine().search(Query(image=pictures[5].read_bytes()), k=1).hits[0]
    assert best.product_id == pictures[5].stem


def test_a_single_product(new_place: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, place = run(new_place, bare_shop(tmp_path / "one", [{"product_id": "1", "title": "Lonely lamp"}]))

    assert code == 0
    told = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert "is released as the baseline to beat" in told
    assert "only 0 queries" in told
    assert place.released.release_id() is not None


LAMPS = [{"product_id": str(n), "title": f"Lamp {n}", "price": "5"} for n in range(10)]
SEEN = {"timestamp": "2026-05-01T12:00:00Z", "user_id": "ann", "product_id": "1"}
JUDGED = {"query_text": "lamp", "product_id": "1", "grade": "3", "split": "train"}
# Ten good rows and three broken ones of one table each.
BROKEN: dict[str, list[dict[str, str]]] = {
    "products": [*LAMPS, *({"product_id": f"x{n}", "title": "", "price": "5"} for n in range(3))],
    "interactions": [{**SEEN, "event_id": f"e{n}", "action": "click" if n < 10 else ""} for n in range(13)],
    "queries": [
        {**JUDGED, "query_id": f"q{n}", "query_text": f"lamp {n}" if n < 10 else ""} for n in range(13)
    ],
}
REASONS = {"products": "title", "interactions": "action", "queries": "query_text"}


@pytest.mark.parametrize("asset", BROKEN)
def test_too_many_broken_rows(
    asset: str, assets: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = {"products": LAMPS, asset: BROKEN[asset]}
    source = bare_shop(
        tmp_path / "shop", rows["products"], rows.get("queries", ()), events=rows.get("interactions", ())
    )
    place = Place(tmp_path / "home", source, assets)

    assert place.run() == 2

    told = one_sentence(capsys)
    assert VALIDATED[asset] in told
    assert "23.1%" in told
    assert place.released.release_id() is None
    quarantine = Lake(place.paths.lake).current(f"{asset}_quarantine").table()
    assert quarantine.height == 3
    assert all(
        REASONS[asset] in reason for reasons in quarantine[col.REASONS].to_list() for reason in reasons
    )
    made = {folder.name for folder in place.paths.lake.iterdir()}
    assert not made & {"image_encoder", "text_encoder", *map(asset_of, MODALITIES)}


def test_every_row_of_the_catalogue_is_broken(
    new_place: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _ = run(new_place, bare_shop(tmp_path / "nothing", [{"product_id": "1", "title": ""}]))

    assert code == 2
    assert "products" in one_sentence(capsys)
