"""A catalogue that was cut off, a wrong clock, and ids that lost their zeros, on a shop of a few rows."""

import datetime as dt
from pathlib import Path

import pytest

from mmsearch_dagster.cli.display import quarantine
from mmsearch_dagster.core.errors import ConfigError, PolicyError
from mmsearch_dagster.core.release import ReleaseManifest
from mmsearch_dagster.pipeline.ingest.row_counts import all_row_counts, set_aside
from mmsearch_dagster.pipeline.ingest.tables import read_raw, read_searches, validate
from mmsearch_dagster.pipeline.workspace import Workspace
from mmsearch_dagster.settings import Settings
from tests.shops import bare_shop

pytestmark = pytest.mark.slow  # Great Expectations alone takes seconds to import


class _Released:
    """A registry whose release was made from one snapshot of products."""

    def __init__(self, snapshot: str) -> None:
        self._manifest = ReleaseManifest.model_construct(catalogue="bare", snapshots={"products": snapshot})

    def champion(self) -> ReleaseManifest:
        return self._manifest


def lamps(folder: Path, count: int, **tables: list[dict[str, str]]) -> Path:
    rows = [{"product_id": f"{n:04d}", "title": f"Lamp {n}", "price": "5"} for n in range(count)]
    return bare_shop(folder, rows, **tables)  # pyright: ignore[reportArgumentType]


def read(home: Path, source: Path, released: str | None = None) -> Workspace:
    workspace = Workspace(Settings(home, source))
    if released is not None:
        workspace.paths.mlflow.mkdir(parents=True, exist_ok=True)
        workspace.__dict__["registry"] = _Released(released)
    read_raw(workspace, "products")
    validate(workspace, "products")
    return workspace


def test_a_catalogue_that_lost_most_of_its_products_stops_the_run_every_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = read(tmp_path / "home", lamps(tmp_path / "whole", 40)).lake.current("products").digest
    cut = lamps(tmp_path / "cut", 12)

    for _ in range(2):
        with pytest.raises(PolicyError, match="12 good rows, the release that answers was made from 40"):
            read(tmp_path / "home", cut, first)

    less = read(tmp_path / "home", lamps(tmp_path / "less", 35), first)
    assert less.lake.current("products").facts["rows"] == 35
    monkeypatch.setenv("MMSEARCH_ACCEPT_SMALLER", "1")
    assert read(tmp_path / "home", cut, first).lake.current("products").facts["rows"] == 12


def event(number: int, product: str, when: dt.datetime) -> dict[str, str]:
    return {
        "timestamp": when.isoformat(),
        "user_id": f"u{number % 30}",
        "product_id": product,
        "action": "view",
    }


def test_the_end_of_a_run_accounts_for_every_event(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    now = dt.datetime.now(dt.UTC)
    events = [event(n, str(n % 9), now - dt.timedelta(hours=n)) for n in range(300)]
    events += [event(n, "0001", now + dt.timedelta(days=400)) for n in range(3)]
    workspace = read(tmp_path / "home", lamps(tmp_path / "shop", 20, events=events))
    for table in ("events", "searches"):
        read_raw(workspace, table)
    validate(workspace, "interactions")
    read_searches(workspace)

    counts = {one.table: one for one in all_row_counts(workspace.lake)}
    assert (counts["products"].kept, counts["products"].quarantined) == (20, 0)
    assert counts["events"].quarantined == 3
    assert counts["events"].left_out == {"product unknown to the catalogue": 300}
    quarantine.show_counts(workspace.settings.home)
    said = " ".join(capsys.readouterr().out.split())
    assert "timestamp: it lies more than a day after this run: a wrong clock (3)" in said
    assert "no row of events names a product of the catalogue" in said
    assert "the ids are the same without leading zeros" in said
    assert "mmsearch quarantine events --home" in said

    quarantine.show(workspace.settings.home, "events", 2, as_json=False)
    assert "3 rows in quarantine" in capsys.readouterr().out


def test_values_left_empty_are_kept_beside_their_reasons(tmp_path: Path) -> None:
    rows = [
        {"product_id": str(n), "title": "Lamp", "in_stock": "perhaps" if n < 2 else "7"} for n in range(9)
    ]
    workspace = read(tmp_path / "home", bare_shop(tmp_path / "shop", rows))

    aside = set_aside(workspace.lake, "products")

    assert aside.emptied["reasons"].to_list() == [["in_stock: 'perhaps' is not yes or no"]] * 2
    assert workspace.lake.current("products").table()["in_stock"].to_list() == [None, None, *[True] * 7]
    with pytest.raises(ConfigError, match="did you mean 'products'"):
        set_aside(workspace.lake, "product")
