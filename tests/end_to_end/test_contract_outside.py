"""What programs outside this repository rely on, asked of a real release through their own clients."""

import io
import time
from collections.abc import Iterator
from pathlib import Path

import lancedb
import numpy as np
import pandas as pd
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from mmsearch_dagster.adapters.sources.reading import read_table
from mmsearch_dagster.adapters.sources.source import load_source
from mmsearch_dagster.adapters.sources.ubi import to_ubi
from mmsearch_dagster.api.app import create_app
from tests.homes import Place
from tests.shops import write_csv

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def client(tiny: Place) -> Iterator[TestClient]:
    released = tiny.released
    media = released.manifest().media_root
    with TestClient(create_app(released.engine, released.release_id, Path(media or "."))) as opened:
        for _ in range(600):  # the release is opened in the background
            if opened.get("/health").status_code == 200:
                break
            time.sleep(0.05)
        yield opened


def a_photo(tiny: Place) -> bytes:
    assert tiny.source is not None
    return sorted((tiny.source.parent / "queries").glob("*.jpg"))[0].read_bytes()


def test_words_over_http(tiny: Place, client: TestClient) -> None:
    found = client.post("/search", json={"text": "red kite", "k": 4}).json()

    assert found["release_id"] == tiny.manifest().release_id
    assert len(found["hits"]) == 4
    picture = client.get(f"/media/{found['hits'][0]['product_id']}")
    assert Image.open(io.BytesIO(picture.content)).size == (64, 64)


def test_a_photo_over_http(tiny: Place, client: TestClient) -> None:
    found = client.post("/search", files={"image": ("a.jpg", a_photo(tiny))}, data={"k": "3"})

    assert found.status_code == 200
    assert found.json()["kind"] == "picture"
    assert len(found.json()["hits"]) == 3


def test_a_filter_over_http(client: TestClient) -> None:
    asked = {"text": "toy", "k": 50, "filter": "price >= 20 and price < 40"}

    hits = client.post("/search", json=asked).json()["hits"]

    assert hits
    assert all(20 <= hit["payload"]["price"] < 40 for hit in hits)
    refused = client.post("/search", json={**asked, "filter": "prise > 1"})
    assert refused.status_code in (400, 422)
    assert "did you mean 'price'?" in refused.text


def test_the_release_over_http_is_the_pointer(tiny: Place, client: TestClient) -> None:
    assert client.get("/release").json() == tiny.manifest().model_dump(mode="json")
    assert client.get("/health").json()["status"] == "ok"


def test_mlflow_turns_words_and_pictures_into_vectors(tiny: Place) -> None:
    import mlflow

    mlflow.set_tracking_uri(f"sqlite:///{tiny.paths.mlflow / 'mlflow.db'}")
    model = mlflow.pyfunc.load_model("models:/mmsearch@champion")
    asked = pd.DataFrame(
        {"text": ["red kite", None, "red kite"], "image": [None, a_photo(tiny), a_photo(tiny)]}
    )

    vectors = np.asarray(model.predict(asked))

    assert vectors.shape[0] == 3
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-4)
    assert not np.allclose(vectors[0], vectors[2])


def test_mlflow_and_the_index_speak_of_the_same_space(tiny: Place) -> None:
    """A query encoded by MLflow finds in LanceDB's own client what the engine finds."""
    import mlflow

    manifest = tiny.manifest()
    assert manifest.index is not None
    mlflow.set_tracking_uri(f"sqlite:///{tiny.paths.mlflow / 'mlflow.db'}")
    model = mlflow.pyfunc.load_model("models:/mmsearch@champion")
    query = np.asarray(model.predict(pd.DataFrame({"image": [a_photo(tiny)]})))[0]
    table = lancedb.connect(tiny.paths.index).open_table(manifest.index.table, version=manifest.index.tag)

    found = table.search(query, vector_column_name="vector").distance_type("dot").limit(3).to_list()

    assert table.count_rows() == manifest.index.rows
    from mmsearch_dagster.core.retrieval.query import Query

    asked = tiny.released.engine().search(Query(image=a_photo(tiny)), k=3)
    assert [row["product_id"] for row in found] == [hit.product_id for hit in asked.hits]


def test_the_behaviour_log_is_read_back_from_ubi_as_it_was(tiny: Place, tmp_path: Path) -> None:
    lake = tiny.workspace.lake
    events, searches = lake.current("interactions").table(), lake.current("searches").table()
    write_csv(tmp_path / "products.csv", [{"product_id": "1", "title": "Lamp"}])
    (tmp_path / "log.ndjson").write_text("\n".join(to_ubi(events, searches)) + "\n", encoding="utf-8")
    (tmp_path / "source.yaml").write_text(
        "catalogue: back\ntables:\n  products: {path: products.csv}\n"
        "  events: {path: log.ndjson, format: ubi}\n  searches: {path: log.ndjson, format: ubi}\n"
    )

    source = load_source(tmp_path / "source.yaml", None)
    read = {name: read_table(source, name, lambda ids: ids).frame for name in ("events", "searches")}

    for name, written in (("events", events), ("searches", searches)):
        columns = [column for column in written.columns if not column.startswith("_")]
        key = "event_id" if name == "events" else "query_id"
        back = read[name].select(columns).unique().sort(key)
        assert back.equals(written.select(columns).unique().sort(key)), name
