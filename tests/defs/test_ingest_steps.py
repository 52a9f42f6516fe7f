"""What stops a catalogue before anything is encoded."""

from pathlib import Path

import pytest
import yaml

from mmsearch_dagster.core.errors import PolicyError, SourceError
from mmsearch_dagster.defs.ingest.steps import read_raw, validate
from mmsearch_dagster.defs.workspace import Workspace
from mmsearch_dagster.settings import Settings
from tests.shops import bare_shop, tiny_assets


def lamps(folder: Path) -> Path:
    return bare_shop(folder, [{"product_id": str(number), "title": f"Lamp {number}"} for number in range(5)])


def test_a_catalogue_with_nothing_but_a_header_is_the_users_to_mend_on_every_run(tmp_path: Path) -> None:
    source = lamps(tmp_path / "shop")
    (source.parent / "products.csv").write_text("product_id,title\n", encoding="utf-8")
    for _ in range(2):
        with pytest.raises(SourceError, match=r"products\.csv holds no product"):
            read_raw(Workspace(Settings(tmp_path / "home", source)), "products")


def test_a_failed_rule_about_the_whole_table_stops_the_run_with_its_why(tmp_path: Path) -> None:
    assets = tiny_assets(tmp_path / "assets")
    file = assets / "expectations" / "products.yaml"
    suite = yaml.safe_load(file.read_text(encoding="utf-8"))
    suite["rules"][0]["kwargs"] = {"min_value": 6}
    file.write_text(yaml.safe_dump(suite), encoding="utf-8")
    workspace = Workspace(Settings(tmp_path / "home", lamps(tmp_path / "shop")), assets)
    read_raw(workspace, "products")
    for _ in range(2):
        with pytest.raises(
            PolicyError, match=r"row_count_to_be_between \(observed: 5.0\): An empty catalogue"
        ):
            validate(workspace, "products")
