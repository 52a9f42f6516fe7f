"""A fine-tuned text encoder is part of its release: named by it, measured as served, opened without torch."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from mmsearch_dagster.adapters.feature_store.feature_store import text_content
from mmsearch_dagster.core.release import EncoderIdentity
from mmsearch_dagster.pipeline.workspace import TEXT_ENCODER
from tests.homes import Place
from tests.shops import bare_shop
from tests.tiny_networks import tiny_text_folder, word_pairs

pytestmark = pytest.mark.slow

_RECIPE = {
    **{"epochs": 8, "batch": 8, "learning_rate": 5e-3, "positives": 1, "negatives": 1, "patience": 8},
    **{"shares": [1.0], "fewest": 10},
}


@pytest.fixture(scope="module")
def tuned(assets: Path, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A home of 36 products that are asked for in another language."""
    from mmsearch_dagster.pipeline.run import refresh

    folder = tmp_path_factory.mktemp("words")
    shutil.copytree(assets, folder / "assets")
    network = tiny_text_folder(folder / "tiny")
    preset = folder / "assets" / "presets" / "run.yaml"
    settings = yaml.safe_load(preset.read_text(encoding="utf-8"))
    settings |= {
        "encoders": [
            {"modality": "text", "library": "transformers", "model": str(network), "max_length": 32}
        ],
        "strategies": ["weighted"],
        "finetune_text": _RECIPE,
    }
    preset.write_text(yaml.safe_dump(settings), encoding="utf-8")
    products = [{"product_id": f"P{row}", "title": title} for row, (_, title) in enumerate(word_pairs())]
    judgments = [
        {"query_id": f"Q{row}", "query_text": query, "product_id": f"P{row}", "grade": 3, "split": split}
        for row, (query, _) in enumerate(word_pairs())
        for split in ["validation" if row % 9 == 0 else "train"]
    ]
    (folder / "shop").mkdir()
    source = bare_shop(folder / "shop", products, judgments, catalogue="words")
    place = Place(folder / "home", source, folder / "assets")
    refresh(place.workspace)
    return place


def _text(place: Place) -> EncoderIdentity:
    return next(each for each in place.manifest().encoders if each.modality == "text")


def test_the_release_names_the_tuned_encoder(tuned: Place) -> None:
    workspace, configured = tuned.workspace, tuned.workspace.preset.encoder("text")
    assert configured is not None
    facts = workspace.lake.current(TEXT_ENCODER).facts

    assert facts["share"] == 1.0
    assert _text(tuned).fingerprint != workspace.identity(configured).fingerprint
    assert workspace.lake.current("text_features").facts["encoder"] == _text(tuned).fingerprint


def test_what_is_indexed_are_its_vectors(tuned: Place) -> None:
    workspace = tuned.workspace
    spec = workspace.encoder("text")
    assert spec is not None
    ids, vectors = tuned.released.engine().table.matrix("text_vector")
    contents = [text_content(title) for _, title in word_pairs()]
    encoded = list(workspace.loader(spec)().encode(contents))
    expected = {key: row for batch in encoded for key, row in zip(batch.keys, batch.vectors, strict=True)}
    assert len(ids) == len(word_pairs())
    for product, vector in zip(ids, vectors, strict=True):
        other = expected[contents[int(product[1:])].key]
        cosine = vector @ other / np.linalg.norm(vector) / np.linalg.norm(other)
        assert cosine == pytest.approx(1.0, abs=1e-3)


def test_words_are_encoded_without_torch(tuned: Place) -> None:
    code = f"""
import sys
from pathlib import Path
from mmsearch_dagster.cli.options import released_of
from mmsearch_dagster.core.retrieval.query import Query

answer = released_of(Path({str(tuned.home)!r})).engine().search(Query(text="rot tasse"), k=3)
assert answer.hits[0].payload["title"] == "red mug", answer
assert "torch" not in sys.modules
"""
    assert (tuned.paths.encoder_cache / f"{_text(tuned).fingerprint}.onnx").is_file()
    subprocess.run([sys.executable, "-c", code], check=True)
