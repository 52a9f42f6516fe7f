"""Every example of docs/extending.md, put where its first line says, and run."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from mmsearch_dagster.adapters.expectations.rules import parse_suite
from mmsearch_dagster.adapters.expectations.suite import run_suite
from mmsearch_dagster.core.presets import parse_preset
from tests.docs.fences import ROOT, Example, examples

EXAMPLES = list(examples(ROOT / "docs/extending.md"))


def with_example(text: str, example: Example) -> str:
    """The text of a file with the example in its place; KeyError where the place is not there."""
    where, lines = example.where, text.splitlines(keepends=True)
    if where == "at the end":
        return f"{text}\n\n{example.code}"
    if where == "with the imports":
        place = next(row for row, line in enumerate(lines) if line.startswith("from mmsearch_dagster"))
        return "".join([*lines[:place], example.code, *lines[place:]])
    verb, _, name = where.rpartition(" ")
    begin = re.compile(rf"{name}\b.*[{{\[(:]$" if verb == "in" else rf"{name} = .*$")
    places = [row for row, line in enumerate(lines) if begin.match(line)]
    if len(places) != 1 or verb not in ("in", "instead of"):
        raise KeyError(f"{example.file}: no single place '{where}'")
    kept = lines[: places[0] + (verb == "in")]
    return "".join([*kept, example.code, *lines[places[0] + 1 :]])


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the package and its tests, without what was compiled."""
    compiled = shutil.ignore_patterns("__pycache__", "*.pyc")
    for folder in ("mmsearch_dagster", "assets", "tests"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=compiled)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def apply(checkout: Path, *files: str) -> None:
    """Put every example for one of these files in its place."""
    applied = [example for example in EXAMPLES if example.file in files]
    assert {example.file for example in applied} == set(files)
    for example in applied:
        file = checkout / example.file
        before = "" if example.where == "new file" else file.read_text(encoding="utf-8")
        file.write_text(with_example(before, example) if before else example.code, encoding="utf-8")


def python(checkout: Path, *arguments: str) -> str:
    """What Python writes, with the changed package in place of ours."""
    environment = {**os.environ, "PYTHONPATH": str(checkout)}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=checkout, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_every_example_that_names_a_file_is_run_by_a_test_of_this_module() -> None:
    named = {example.file for example in EXAMPLES if example.file}

    assert named == {
        "my-preset.yaml",
        "mmsearch_dagster/adapters/sources/arrow_files.py",
        "mmsearch_dagster/adapters/sources/formats.py",
        "mmsearch_dagster/core/catalog/mapping/file.py",
        "mmsearch_dagster/core/fusion/config.py",
        "mmsearch_dagster/core/fusion/strategies.py",
        "assets/expectations/products.yaml",
    }


@pytest.mark.slow
def test_a_new_encoder_is_a_block_of_a_preset(tmp_path: Path) -> None:
    from mmsearch_dagster.adapters.models.load import load_encoder
    from mmsearch_dagster.core.encoders.protocol import Content
    from tests.tiny_networks import coloured, reader, tiny_folder

    (example,) = [one for one in EXAMPLES if one.file == "my-preset.yaml"]
    text = example.code.replace("/models/my-images", str(tiny_folder(tmp_path / "my-images")))
    preset = parse_preset(text, example.file)
    spec = preset.encoder("image")
    assert spec is not None

    encoder = load_encoder(spec.model_copy(update={"runtime": "torch"}), tmp_path / "cache")
    (batch,) = encoder.encode([Content("red", reader(coloured(0, seed=1)))])

    assert batch.vectors.shape == (1, encoder.identity.width)
    assert encoder.identity.spec["model"] == str(tmp_path / "my-images")


@pytest.mark.slow
def test_a_new_file_format_is_read_like_every_other(checkout: Path) -> None:
    apply(
        checkout,
        "mmsearch_dagster/adapters/sources/arrow_files.py",
        "mmsearch_dagster/adapters/sources/formats.py",
        "mmsearch_dagster/core/catalog/mapping/file.py",
    )
    pl.DataFrame(
        {"sku": ["1", None, "3"], "name": ["Tee", "Hat", "Mug"], "cost": [5.5, 1.0, -2.0]}
    ).write_ipc(checkout / "p.arrow")
    (checkout / "source.yaml").write_text(
        "catalogue: shop\n"
        "tables: {products: {path: p.arrow, columns: {product_id: sku, title: name, price: cost}}}\n"
    )
    read = (
        "from pathlib import Path\n"
        "from mmsearch_dagster.adapters.sources.reading import read_table\n"
        "from mmsearch_dagster.adapters.sources.source import load_source\n"
        "from mmsearch_dagster.core.catalog.contract import separate_broken_rows\n"
        "raw = read_table(load_source(Path('source.yaml')), 'products', lambda ids: ids)\n"
        "checked = separate_broken_rows(raw)\n"
        "print(checked.good['product_id'].to_list(), checked.quarantined['_row'].to_list())"
    )

    assert python(checkout, "-c", read).strip() == "['1'] [2, 3]"


@pytest.mark.slow
def test_a_new_fusion_strategy_passes_what_every_strategy_must(checkout: Path) -> None:
    apply(checkout, "mmsearch_dagster/core/fusion/config.py", "mmsearch_dagster/core/fusion/strategies.py")

    tested = python(
        checkout,
        *("-m", "pytest", "-p", "no:cacheprovider", "-k", "maximum", "-rA"),
        *("tests/core/fusion/test_strategies.py", "tests/core/fusion/test_model.py"),
        "tests/core/fusion/test_training.py",
    )

    assert re.search(r"^\d+ passed", tested.splitlines()[-1].strip("= ")), tested
    assert (
        "PASSED tests/core/fusion/test_training.py::test_every_strategy_beats_the_untrained_model" in tested
    )


@pytest.mark.slow
def test_a_new_check_sends_rows_to_quarantine_with_its_why() -> None:
    (example,) = [one for one in EXAMPLES if one.file == "assets/expectations/products.yaml"]
    reviewed = (ROOT / example.file).read_text(encoding="utf-8")
    suite = parse_suite(with_example(reviewed, example), example.file)
    products = pl.DataFrame(
        {"product_id": ["1", "2"], "title": ["Tee", "Hat"], "brand": ["Acme", "<b>Acme</b>"]}
    )
    only = suite.model_copy(update={"rules": suite.rules[:1]})

    found = run_suite(only, products)

    assert only.rules[0].name == "brand_match_regex"
    assert found.flagged_rows() == {
        1: ["brand: A brand with markup in it is a cell that was cut out of a web page."]
    }
