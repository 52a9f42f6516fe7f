"""The ingest steps on a shop of a few rows."""

from pathlib import Path

import pytest
import yaml

from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.errors import PolicyError, SourceError
from mmsearch_dagster.pipeline.ingest.tables import read_raw, validate
from mmsearch_dagster.pipeline.workspace import Workspace
from mmsearch_dagster.settings import Settings
from tests.shops import bare_shop, tiny_assets, write_csv


def _shop_of_old_events(folder: Path) -> Path:
    """100 events, one of them broken; only nine are about the product that is still sold."""
    source = bare_shop(folder, [{col.PRODUCT_ID: "sold", col.TITLE: "Lamp"}])
    events = [
        {
            col.EVENT_ID: f"e{number}",
            col.TIMESTAMP: "2026-05-01T12:00:00Z",
            col.USER_ID: "ann",
            col.PRODUCT_ID: "sold" if number < 10 else "discontinued",
            col.ACTION: "click" if number else "",
        }
        for number in range(100)
    ]
    write_csv(folder / "events.csv", events)
    spec = yaml.safe_load(source.read_text(encoding="utf-8"))
    spec["tables"]["events"] = {"path": "events.csv"}
    source.write_text(yaml.safe_dump(spec), encoding="utf-8")
    return source


@pytest.mark.slow
def test_events_of_products_no_longer_sold_count_as_rows_that_are_not_broken(tmp_path: Path) -> None:
    workspace = Workspace(Settings(tmp_path / "home", _shop_of_old_events(tmp_path / "shop")))
    read_raw(workspace, "products")
    validate(workspace, "products")
    read_raw(workspace, "events")

    report, quarantine, _ = validate(workspace, "interactions")  # 1% is broken, 5% may be

    assert report.rows == 9
    assert quarantine.metrics["share"] == 0.01
    assert quarantine.metrics["good rows"] == 99


def lamps(folder: Path) -> Path:
    return bare_shop(folder, [{"product_id": str(number), "title": f"Lamp {number}"} for number in range(5)])


def test_a_catalogue_with_nothing_but_a_header_is_the_users_to_mend_on_every_run(tmp_path: Path) -> None:
    source = lamps(tmp_path / "shop")
    (source.parent / "products.csv").write_text("product_id,title\n", encoding="utf-8")
    for _ in range(2):
        with pytest.raises(SourceError, match=r"products\.csv holds no product"):
            read_raw(Workspace(Settings(tmp_path / "home", source)), "products")


@pytest.mark.slow
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


def test_a_changed_file_of_a_join_changes_what_was_read(tmp_path: Path) -> None:
    """The products stand in one file, their stock in another: the digest is of both."""
    folder = tmp_path / "shop"
    source = bare_shop(folder, [{col.PRODUCT_ID: "1", col.TITLE: "Lamp"}])
    spec = yaml.safe_load(source.read_text(encoding="utf-8"))
    spec["tables"]["products"] |= {
        "joins": [{"path": "stock.csv", "name": "stock", "key": col.PRODUCT_ID}],
        "columns": {col.PRODUCT_ID: col.PRODUCT_ID, col.TITLE: col.TITLE, col.IN_STOCK: "stock.qty"},
    }
    source.write_text(yaml.safe_dump(spec), encoding="utf-8")

    def read(quantity: int) -> tuple[str, bool]:
        write_csv(folder / "stock.csv", [{col.PRODUCT_ID: "1", "qty": quantity}])
        workspace = Workspace(Settings(tmp_path / "home", source))
        read_raw(workspace, "products")
        snapshot = workspace.lake.current("products_raw")
        return snapshot.digest, snapshot.table()[col.IN_STOCK][0]

    sold_out, again, there = read(0), read(0), read(5)
    assert sold_out == again
    assert (sold_out[1], there[1]) == (False, True)
    assert sold_out[0] != there[0]
