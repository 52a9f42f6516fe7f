from base64 import b64encode
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mmsearch_dagster.adapters.models.load import describe_encoder
from mmsearch_dagster.adapters.registry.ledger import Ledger
from mmsearch_dagster.adapters.registry.pyfunc import encoders as pyfunc_encoders
from mmsearch_dagster.adapters.registry.pyfunc.log_model import example_image
from mmsearch_dagster.adapters.registry.registry import Registry
from mmsearch_dagster.adapters.registry.store import MlflowStore, mlflow_module
from mmsearch_dagster.adapters.registry.tags import VersionFacts
from mmsearch_dagster.core.encoders.protocol import EncoderSpec
from mmsearch_dagster.core.errors import QueryError, ReleaseMismatchError
from mmsearch_dagster.core.fusion.config import FusionSpec
from mmsearch_dagster.core.fusion.model import TwoTower, save_model
from mmsearch_dagster.core.gate.decision import Decision
from mmsearch_dagster.core.release import EncoderIdentity, RetrievalParams
from tests.small_release import IMAGE_WIDTH, TEXT_WIDTH, HashedWords, MeanColour

pytestmark = pytest.mark.slow

SPECS: dict[str, dict[str, Any]] = {
    "text": {
        "modality": "text",
        "library": "transformers",
        "item_prefix": "passage: ",
        "query_prefix": "q: ",
    },
    "image": {"modality": "image", "library": "timm"},
}
TEXT = EncoderIdentity(modality="text", fingerprint="hashed", width=TEXT_WIDTH, spec=SPECS["text"])
IMAGE = EncoderIdentity(modality="image", fingerprint="colour", width=IMAGE_WIDTH, spec=SPECS["image"])
WIDTH = 8


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Encoders a person can follow stand where the real ones would have been loaded."""
    folder = tmp_path / "cache"
    loaded = {("hashed", folder): HashedWords(TEXT), ("colour", folder): MeanColour(IMAGE)}
    monkeypatch.setattr(pyfunc_encoders, "_LOADED", loaded)
    return folder


def register(store: MlflowStore, cache: Path, *encoders: EncoderIdentity, broken: bool = False) -> Registry:
    widths = {one.modality: one.width for one in encoders}
    spec = FusionSpec(strategy="attention", item_widths=widths, query_widths=widths, width=WIDTH, hidden=8)
    model = TwoTower(spec)
    if broken:
        model.query_tower.branches["text"].linear.weight.data[:] = float("nan")  # type: ignore[union-attr]
    folder = store.folder / "trained"
    sha256 = save_model(model, folder)
    refused = Decision(passed=False, reasons=(), weights_sha256=sha256, report_digest="", policy_digest="")
    registry = Registry(store, Ledger(store.folder / "ledger.ndjson"), encoder_cache=cache)
    facts = VersionFacts(
        release_id="r-1",
        catalogue="shop",
        strategy="attention",
        weights_sha256=sha256,
        encoders=encoders,
        snapshots={},
        retrieval=RetrievalParams(),
        decision=refused,
    )
    assert registry.register(folder, facts) == 1
    return registry


@pytest.fixture
def model(mlflow_store: MlflowStore, cache: Path) -> Any:
    register(mlflow_store, cache, TEXT, IMAGE)
    return mlflow_module().pyfunc.load_model("models:/mmsearch/1")


def test_words_and_pictures_become_unit_vectors(model: Any, tmp_path: Path) -> None:
    red = example_image()
    path = tmp_path / "rot 红.png"
    path.write_bytes(red)
    forms = [str(path), red, b64encode(red).decode(), "data:image/png;base64," + b64encode(red).decode()]
    frame = pd.DataFrame({"text": ["red shoes", *[None] * 4, "red shoes"], "image": [None, *forms, red]})
    vectors = model.predict(frame)
    assert vectors.shape == (6, WIDTH)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(6), abs=1e-5)
    assert np.ptp(vectors[1:5], axis=0).max() < 1e-6  # four ways to hand over one picture
    assert not np.allclose(vectors[0], vectors[5])


def test_a_row_does_not_depend_on_its_neighbours(model: Any) -> None:
    both = model.predict(pd.DataFrame({"text": ["red shoes", "blue bag"]}))
    alone = model.predict(pd.DataFrame({"text": ["blue bag"]}))
    assert both[1] == pytest.approx(alone[0], abs=1e-6)
    assert model.predict({"text": ["red shoes", "blue bag"]}) == pytest.approx(both, abs=1e-6)
    assert model.predict(pd.DataFrame({"text": ["  blue\n<b>bag</b>", "x"]}))[0] == pytest.approx(
        alone[0], abs=1e-6
    )


def test_the_side_chooses_the_tower_and_the_prefix(model: Any) -> None:
    frame = pd.DataFrame({"text": ["red shoes"] * 3, "side": ["item", "query", None]})
    item, query, default = model.predict(frame)
    assert query == pytest.approx(default, abs=1e-6)
    assert not np.allclose(item, query)


def test_no_rows_give_no_vectors(model: Any) -> None:
    assert model.predict(pd.DataFrame({"text": pd.Series([], dtype=str)})).shape == (0, WIDTH)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"text": ["a", " "]}, "row 1: give words in 'text', a picture in 'image', or both"),
        ({"text": ["a", None]}, "row 1: give words"),
        ({"image": ["no/such/file.jpg"]}, "row 0: 'no/such/file.jpg' is neither a readable file nor base64"),
        ({"image": [b"not a picture"]}, "the image cannot be read: not a picture"),
        ({"text": ["a"], "side": ["both"]}, "row 0: 'side' is 'query' or 'item', not 'both'"),
        ({"text": [3]}, "row 0: 'text' must be a string, not int"),
        ({"image": [3]}, "row 0: 'image' must be bytes, a path or base64, not int"),
        ({"words": ["a"]}, "give a column 'text', a column 'image', or both"),
        ({"text": [["a", "b"]], "image": [["x"]]}, "the columns text, image differ in length"),
    ],
)
def test_what_cannot_be_read_is_named(model: Any, columns: dict[str, list[Any]], message: str) -> None:
    with pytest.raises(QueryError, match=message):
        model.predict(pd.DataFrame(columns))


def test_a_model_of_words_alone_says_so(mlflow_store: MlflowStore, cache: Path) -> None:
    registry = register(mlflow_store, cache, TEXT)
    registry.load_back(1)
    model = mlflow_module().pyfunc.load_model("models:/mmsearch/1")
    with pytest.raises(QueryError, match="row 0: this model reads only text"):
        model.predict(pd.DataFrame({"image": [example_image()]}))


def test_loading_back_asks_once_in_words_and_with_a_picture(mlflow_store: MlflowStore, cache: Path) -> None:
    register(mlflow_store, cache, TEXT, IMAGE).load_back(1)


def test_a_model_that_answers_nonsense_does_not_load_back(mlflow_store: MlflowStore, cache: Path) -> None:
    registry = register(mlflow_store, cache, TEXT, IMAGE, broken=True)
    with pytest.raises(ReleaseMismatchError, match="values not finite"):
        registry.load_back(1)


def test_a_damaged_version_does_not_load_back(mlflow_store: MlflowStore, cache: Path) -> None:
    registry = register(mlflow_store, cache, TEXT, IMAGE)
    folder = registry.model_folder(1)
    (folder / "encoders.json").write_text("[]")
    with pytest.raises(ReleaseMismatchError, match="model version 1 does not answer"):
        registry.load_back(1)
    (folder / "weights.safetensors").write_bytes(b"")
    with pytest.raises(ReleaseMismatchError, match="registered as"):
        registry.load_back(1)


def test_the_embedded_encoders_answer_from_the_registry(mlflow_store: MlflowStore, encoders: Path) -> None:
    real = [
        describe_encoder(EncoderSpec(**{k: v for k, v in SPECS[m].items() if "prefix" not in k}))
        for m in SPECS
    ]
    registry = register(mlflow_store, encoders, *real)
    registry.load_back(1)
    model = mlflow_module().pyfunc.load_model("models:/mmsearch/1")
    vectors = model.predict(
        pd.DataFrame({"text": ["red shoes", "red shoe"], "image": [example_image(), None]})
    )
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(2), abs=1e-5)


def test_another_encoder_than_the_releases_is_refused(
    mlflow_store: MlflowStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pyfunc_encoders, "_LOADED", {})
    monkeypatch.setattr("mmsearch_dagster.adapters.models.load.load_encoder", lambda *_: HashedWords())
    registry = register(mlflow_store, tmp_path, TEXT)
    with pytest.raises(
        ReleaseMismatchError, match="the text encoder here is one, the release was made with hashed"
    ):
        registry.load_back(1)


def test_homes_that_share_a_folder_of_encoders_by_links_load_an_encoder_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    links = [tmp_path / "first", tmp_path / "second"]
    for link in links:
        link.symlink_to(tmp_path / "shared")
    loads: list[Path] = []

    def load(spec: object, cache: Path) -> HashedWords:
        loads.append(cache)
        return HashedWords(TEXT)

    monkeypatch.setattr(pyfunc_encoders, "_LOADED", {})
    monkeypatch.setattr("mmsearch_dagster.adapters.models.load.load_encoder", load)
    first, second = (pyfunc_encoders.loaded_encoder(TEXT, link) for link in links)

    assert first is second
    assert loads == links[:1]
