"""`mmsearch connect` at the terminal: what it prints, what it writes, what it refuses."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from mmsearch_dagster.adapters.sources import load_source
from mmsearch_dagster.cli.main import app
from mmsearch_dagster.core.errors import ConfigError, SourceError

CSV = 'sku,name,preis,notes\n1,Mug,"1.299,00 €",x\n2,Hat,"9,90",y\n'


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["connect", *arguments], catch_exceptions=False)
    assert result.exit_code == 0
    return " ".join(result.output.split())


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "lamps export.csv"
    path.write_text(CSV, encoding="utf-8")
    return path


def test_a_mapping_is_written_and_shown_with_the_first_rows(file: Path, tmp_path: Path) -> None:
    out = tmp_path / "shop" / "source.yaml"

    said = run(str(file), "--out", str(out), "--preview", "1")

    assert "sku" in said
    assert "product_id" in said
    assert "left out: notes" in said
    assert "products: 2 rows can be used, 0 cannot" in said
    assert "product_id: 1; title: Mug; price: 1299.0; currency: EUR" in said
    assert "title: Hat" not in said
    assert f"mmsearch run --source {out}" in said
    assert load_source(out).catalogue == "lamps_export"


def test_a_file_that_is_there_is_not_written_over(file: Path, tmp_path: Path) -> None:
    out = tmp_path / "source.yaml"
    out.write_text("mine", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"is there already.*--force"):
        run(str(file), "--out", str(out))
    assert out.read_text(encoding="utf-8") == "mine"
    run(str(file), "--out", str(out), "--force", "--catalogue", "toys")
    assert load_source(out).catalogue == "toys"


def test_a_root_of_all_categories_is_left_out_and_shown(tmp_path: Path) -> None:
    file, out = tmp_path / "p.csv", tmp_path / "source.yaml"
    file.write_text("sku,name,category\n1,Lamp,Home > Lamps\n2,Mug,Home > Mugs\n", encoding="utf-8")
    assert "category (without 'Home')" in run(str(file), "--out", str(out), "--preview", "1")
    assert load_source(out).spec.tables["products"][0].columns["category"].root == "Home"  # type: ignore[index]


def test_what_has_to_be_settled_first_is_said_beside_the_written_mapping(tmp_path: Path) -> None:
    file = tmp_path / "p.csv"
    file.write_text("sku,name,price\n1,Sofa,1.299\n", encoding="utf-8")
    said = run(str(file), "--out", str(tmp_path / "source.yaml"))
    assert "To be settled first" in said
    assert "decimal: ','" in said


@pytest.mark.parametrize("name", ["gone.csv", "http://127.0.0.1:9/p.csv"])
def test_what_is_not_there_is_said(tmp_path: Path, name: str) -> None:
    with pytest.raises(SourceError, match=r"no such file|cannot be fetched"):
        run(name if "://" in name else str(tmp_path / name), "--out", str(tmp_path / "source.yaml"))
