"""A shop whose pictures lie on the web: fetched, kept when their host is down, and never a reason to stop."""

from io import BytesIO
from pathlib import Path

import pytest
import yaml
from PIL import Image
from starlette.exceptions import HTTPException

from mmsearch_dagster.adapters.remote_files.media_cache import MediaCache
from mmsearch_dagster.api.media import first_image
from mmsearch_dagster.pipeline import run
from tests.adapters.remote_files.conftest import Misbehaving, server  # noqa: F401
from tests.homes import Place
from tests.media import flat
from tests.shops import write_csv

pytestmark = pytest.mark.slow


def png_bytes(colour: tuple[int, int, int]) -> bytes:
    buffer = BytesIO()
    Image.fromarray(flat(colour)).save(buffer, "PNG")
    return buffer.getvalue()


def shop(folder: Path, host: str) -> Path:
    """Four products with a picture that is there, one that is not, one elsewhere and one in the folder."""
    pictures = [
        f"http://{host}/pictures/1.png?v=12|http://{host}/gone.png",
        f"http://{host}/page.png",
        "//cdn.example.com/x.jpg",
        "images/my%20photo.png",
    ]
    rows = [
        {"product_id": str(number), "title": f"thing {number}", "price": number, "image_uris": uris}
        for number, uris in enumerate(pictures, start=1)
    ]
    write_csv(folder / "products.csv", rows)
    (folder / "images").mkdir()
    (folder / "images" / "my photo.png").write_bytes(png_bytes((10, 200, 30)))
    source = {
        "catalogue": "web",
        "tables": {"products": {"path": "products.csv"}},
        "media": {"hosts": [host], "allow_private": True, "seconds": 2, "recheck_hours": 0},
    }
    (folder / "source.yaml").write_text(yaml.safe_dump(source), encoding="utf-8")
    return folder / "source.yaml"


def reasons(place: Place) -> dict[str, str]:
    """Uri -> reason, of the media quarantine."""
    rows = place.workspace.lake.current("media_quarantine").table()
    return dict(rows.select("uri", "reason").iter_rows())


def test_pictures_are_fetched_and_what_cannot_be_had_condemns_no_product(
    server: Misbehaving,  # noqa: F811
    new_place: Place,
    tmp_path: Path,
) -> None:
    server.contents["/pictures/1.png"] = png_bytes((200, 10, 30))
    place = Place(new_place.home, shop(tmp_path / "shop", server.host), new_place.assets)

    run.read_catalogue(place.workspace)

    lake = place.workspace.lake
    assert lake.current("products").facts["rows"] == 4
    assert sorted(lake.current("image_features").table()["product_id"]) == ["1", "4"]
    found = reasons(place)
    assert "410 Gone" in found[f"http://{server.host}/gone.png"]
    assert "text/html" in found[f"http://{server.host}/page.png"]
    assert "cdn.example.com is not among media.hosts" in found["//cdn.example.com/x.jpg"]
    assert len(found) == 3

    # The host goes down: the picture of before is used, and a row says so.
    server.shutdown()
    server.server_close()
    vectors = lake.current("image_features").digest
    run.read_catalogue(place.workspace)
    assert lake.current("image_features").digest == vectors
    kept = f"http://{server.host}/pictures/1.png?v=12"
    assert "an earlier copy is used: the host does not answer" in reasons(place)[kept]
    assert lake.current("media_quarantine").facts["left_out"]["image"] == 3

    # The search page shows the copy, not the host's.
    copies = MediaCache(place.paths.media)
    shown = first_image({"image_uris": [kept]}, None, copies.file_of)
    assert shown.media_type == "image/jpeg"
    with pytest.raises(HTTPException, match="no copy"):
        first_image({"image_uris": ["//cdn.example.com/x.jpg"]}, None, copies.file_of)
