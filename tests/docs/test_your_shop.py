"""The examples of docs/your-shop.md that are written into files, read as the page says."""

import importlib.util
from pathlib import Path

import pytest

from mmsearch_dagster.cli.campaign_file import read_campaign
from mmsearch_dagster.cli.people import hidden_id
from tests.docs.fences import ROOT, examples


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The page's files."""
    for example in examples(ROOT / "docs/your-shop.md"):
        if example.where == "new file":
            (tmp_path / example.file).write_text(example.code, encoding="utf-8")
    return tmp_path


def test_the_campaign_has_words_and_a_picture(folder: Path) -> None:
    (folder / "banner.jpg").write_bytes(b"a picture")

    campaign = read_campaign(folder / "campaign.yaml")

    assert campaign.text == "rain jackets in bright colours"
    assert campaign.image == b"a picture"


def test_whoever_holds_the_key_finds_the_ids_of_pseudonyms(folder: Path) -> None:
    spec = importlib.util.spec_from_file_location("pseudonyms", folder / "pseudonyms.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    ids = module.ids_of(folder, ["shopper-0102", "顾客-1"])

    assert ids[hidden_id(folder, "顾客-1")] == "顾客-1"
    assert len(ids) == 2
