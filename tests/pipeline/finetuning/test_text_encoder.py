"""Which network reads a run's words, what it learns from, and that it is tuned once for the same queries."""

import shutil
from pathlib import Path

import polars as pl
import pytest
import yaml

from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.catalog import schemas
from mmsearch_dagster.core.errors import UserError
from mmsearch_dagster.core.modalities import TEXT
from mmsearch_dagster.pipeline.features.encode import encode_catalogue
from mmsearch_dagster.pipeline.finetuning.text_encoder import learned_queries, tune_text_encoder
from mmsearch_dagster.pipeline.finetuning.text_examples import text_examples
from mmsearch_dagster.pipeline.workspace import TEXT_ENCODER, Workspace
from mmsearch_dagster.settings import Settings
from tests.shops import REVIEWED, bare_shop
from tests.tiny_networks import tiny_text_folder, word_pairs

pytestmark = pytest.mark.slow

RECIPE = {
    **{"epochs": 8, "batch": 8, "learning_rate": 5e-3, "positives": 1, "negatives": 1, "patience": 8},
    **{"shares": [1.0], "fewest": 10},
}
MEASURED = "rot tasse"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """36 products; each is asked for in another language, one of the queries measures."""
    products = [{"product_id": f"P{row}", "title": title} for row, (_, title) in enumerate(word_pairs())]
    judgments = [
        {
            **{"query_id": f"Q{row}", "query_text": query, "product_id": f"P{row}", "grade": 3},
            "split": "validation" if query == MEASURED else "train",
        }
        for row, (query, _) in enumerate(word_pairs())
    ]
    # The same words in another order: their query trains no encoder.
    judgments.append({**judgments[0], "query_id": "twin", "query_text": "Tasse, rot!", "split": "train"})
    return bare_shop(tmp_path_factory.mktemp("shop"), products, judgments)


@pytest.fixture(scope="module")
def assets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reviewed") / "assets"
    shutil.copytree(REVIEWED, folder)
    network = tiny_text_folder(folder.parent / "tiny")
    preset = {
        "encoders": [
            {"modality": "text", "library": "transformers", "model": str(network), "max_length": 32}
        ],
        "finetune_text": RECIPE,
    }
    (folder / "presets" / "run.yaml").write_text(yaml.safe_dump(preset), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def tuned(shop: Path, assets: Path, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    workspace = _ingested(Workspace(Settings(tmp_path_factory.mktemp("home"), shop), assets))
    report = tune_text_encoder(workspace)
    assert report.note.startswith("the tuned encoder is used: nDCG@10 of ")
    return workspace


def _ingested(workspace: Workspace) -> Workspace:
    """The tables as ingest leaves them, without waiting for its checks."""
    root = workspace.source.root
    judged = root / "judgments.csv"
    tables = {
        "products": (pl.read_csv(root / "products.csv"), schemas.PRODUCTS),
        "queries": (pl.read_csv(judged) if judged.exists() else pl.DataFrame(), schemas.JUDGMENTS),
        "searches": (pl.DataFrame(), schemas.SEARCHES),
        "interactions": (pl.DataFrame(), schemas.EVENTS),
        "reviews": (pl.DataFrame(), schemas.REVIEWS),
    }
    for asset, (frame, schema) in tables.items():
        whole = pl.concat([pl.DataFrame(schema=schema), frame], how="diagonal_relaxed")
        workspace.lake.obtain_table(asset, asset, lambda whole=whole: (whole, {}))
    return workspace


def test_it_learns_from_training_queries_that_no_measured_query_equals(tuned: Workspace) -> None:
    spec = tuned.preset.encoder(TEXT)
    assert spec is not None

    given = text_examples(tuned, spec)

    texts = [example.text for example in given.examples]
    # 36 train; 7 of them are kept apart as dev, and the twin of the measured one is left out.
    assert len(texts) == len(set(texts)) == 28
    assert not {MEASURED, "Tasse, rot!"} & set(texts)
    for example in given.examples:
        assert [given.products[row] for row in example.grades] == [dict(word_pairs())[example.text]]


def test_what_it_was_trained_on_is_told_to_those_who_judge(tuned: Workspace, shop: Path) -> None:
    learned = learned_queries(tuned)

    assert len(learned) == tuned.lake.current(TEXT_ENCODER).facts["rows"]
    judged = tuned.lake.current("queries").table()
    splits = judged.filter(pl.col(col.QUERY_ID).is_in(sorted(learned)))[col.SPLIT]
    assert splits.unique().to_list() == ["train"]
    assert learned_queries(Workspace(Settings(tuned.paths.home, shop), REVIEWED)) == frozenset()


def test_what_follows_takes_the_tuned_encoder(tuned: Workspace) -> None:
    configured, used = tuned.preset.encoder(TEXT), tuned.encoder(TEXT)
    assert configured is not None
    assert used is not None
    assert tuned.identity(used).fingerprint != tuned.identity(configured).fingerprint

    report = encode_catalogue(tuned, TEXT)

    assert report.metrics["encoder"] == tuned.identity(used).fingerprint
    assert report.rows == 36


def test_the_same_queries_are_never_trained_on_twice(
    tuned: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mmsearch_dagster.adapters.models import finetune_text

    monkeypatch.setattr(finetune_text, "tune_text", None)
    assert not tune_text_encoder(Workspace(tuned.settings, tuned.assets)).made


def test_its_training_is_an_mlflow_run(tuned: Workspace) -> None:
    client = tuned.tracking._store.connect()
    run = client.get_run(tuned.lake.current(TEXT_ENCODER).facts["mlflow_run"])

    assert run.info.status == "FINISHED"
    assert run.data.params["epochs"] == "8"
    assert {"loss", "held_out", "share", "gain"} <= run.data.metrics.keys()


def test_where_it_does_not_pay_the_configured_encoder_is_used(
    shop: Path, assets: Path, tmp_path: Path
) -> None:
    preset = yaml.safe_load((assets / "presets" / "run.yaml").read_text(encoding="utf-8"))
    preset["finetune_text"] |= {"learning_rate": 1e-9, "epochs": 1}
    (tmp_path / "preset.yaml").write_text(yaml.safe_dump(preset), encoding="utf-8")
    settings = Settings(tmp_path / "home", shop, preset=tmp_path / "preset.yaml")
    workspace = _ingested(Workspace(settings, assets))

    report = tune_text_encoder(workspace)

    assert learned_queries(workspace) == frozenset()
    assert report.note.startswith("fine-tuning does not pay, the configured encoder is used")
    assert workspace.encoder(TEXT) == workspace.preset.encoder(TEXT)


def test_without_the_switch_nothing_happens(shop: Path, tmp_path: Path) -> None:
    workspace = Workspace(Settings(tmp_path, shop), REVIEWED)

    assert not tune_text_encoder(workspace).made
    assert not workspace.paths.lake.exists()
    assert workspace.encoder(TEXT) == workspace.preset.encoder(TEXT)


def test_the_option_turns_it_on_where_the_preset_does_not(shop: Path, tmp_path: Path) -> None:
    assert Workspace(Settings(tmp_path, shop, finetune=True), REVIEWED).finetune_text is None
    on = Workspace(Settings(tmp_path, shop, finetune_text=True), REVIEWED)
    assert on.finetune_text is not None
    assert on.finetune is None


def test_a_shop_without_training_queries_is_told_what_is_missing(assets: Path, tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    bare = bare_shop(tmp_path / "shop", [{"product_id": "A", "title": "cup"}])
    workspace = _ingested(Workspace(Settings(tmp_path / "home", bare), assets))

    with pytest.raises(UserError, match=r"at least 10 training queries with words .* there are 0"):
        tune_text_encoder(workspace)
