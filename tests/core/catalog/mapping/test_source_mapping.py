import re

import pytest

from mmsearch_dagster.core.catalog.mapping.source_mapping import SourceSpec, parse_source
from mmsearch_dagster.core.errors import SourceError
from tests.shops import REVIEWED


def parse(tables: str, catalogue: str = "shop") -> SourceSpec:
    return parse_source(f"catalogue: {catalogue}\ntables:\n  {tables}\n", "source.yaml")


def test_one_file_and_a_list_of_files_read_alike():
    one = parse("products: {path: p.csv, columns: {product_id: id}}")
    many = parse("products: [{path: p.csv, columns: {product_id: id}}]")
    assert one == many


@pytest.mark.parametrize(
    ("path", "form"),
    [("a.csv", "csv"), ("a.TSV", "tsv"), ("a.parquet", "parquet"), ("a.jsonl", "ndjson"), ("a.json", "json")],
)
def test_the_format_follows_the_suffix(path: str, form: str):
    assert parse(f"products: {{path: {path}}}").tables["products"][0].format == form


def test_the_format_can_be_named():
    assert parse("events: {path: log.ndjson, format: ubi}").tables["events"][0].format == "ubi"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected a mapping"),
        ("- a", "expected a mapping"),
        ("a: [", "not readable as YAML"),
        ("catalogue: 2024-02-30", "not readable as YAML"),
        ("catalogue: x", "tables: Field required"),
        ("catalogue: Größe!\ntables: {products: {path: a.csv}}", "catalogue: String should match"),
        (
            "catalog: x\ncatalogue: x\ntables: {products: {path: a.csv}}",
            "unknown key 'catalog'; did you mean 'catalogue'?",
        ),
        (
            "catalogue: x\ntables: {product: {path: a.csv}}",
            "unknown table 'product'; did you mean 'products'?",
        ),
        ("catalogue: x\ntables: {products: {path: a.csv, colums: {}}}", "did you mean 'columns'?"),
        (
            "catalogue: x\ntables: {products: {path: a.csv, columns: {titel: t}}}",
            "table 'products', file 'a.csv': unknown column 'titel'; did you mean 'title'?",
        ),
        ("catalogue: x\ntables: {products: {path: a.xlsx}}", "'a.xlsx': the suffix tells no format"),
        (
            "catalogue: x\ntables: {products: {path: a.csv, format: excel}}",
            "unknown format 'excel'; did you mean 'xml'?",
        ),
        ("catalogue: x\ntables: {products: {path: a.ubi}}", "table 'products' cannot come from UBI"),
        (
            "catalogue: x\ntables: {events: {path: a.ubi, columns: {user_id: u}}}",
            "format ubi takes no columns",
        ),
        (
            "catalogue: x\ntables: {products: {path: a.csv, columns: {title: {en: t}}}}",
            "'title' takes one column",
        ),
        (
            "catalogue: x\ntables: {products: {path: a.csv, columns: {lang: l}, constants: {lang: en}}}",
            "'lang' is both a column and a constant",
        ),
        ("catalogue: x\ntables: {products: {columns: {}}}", "path: Field required"),
        (
            f"catalogue: x\ntables: {{products: {{path: a.csv, constants: {{price: {'9' * 40}}}}}}}",
            "the constant of 'price' has too many digits",
        ),
        (
            "catalogue: x\ntables: {products: {path: a.csv, constants: {price: .nan}}}",
            "the constant of 'price' is not a finite number",
        ),
        *(
            (
                f"catalogue: x\ntables: {{products: {{path: a.csv, delimiter: {sign}}}}}",
                "parts no fields; take a printable ASCII character, no quote, or a tab",
            )
            for sign in ("'\"'", '"\'"', '"\\n"', "§", '"\\0"')
        ),
        ("catalogue: x\ntables: {products: []}", "tables: 'products' names no file"),
    ],
)
def test_a_wrong_mapping_is_told_in_one_line(text: str, message: str):
    with pytest.raises(SourceError) as caught:
        parse_source(text, "my/source.yaml")
    told = str(caught.value)
    assert told.startswith("my/source.yaml: ")
    assert message in told
    assert "\n" not in told


def test_the_commented_test_split_of_grocery_is_ready_to_be_used():
    text = (REVIEWED / "sources" / "grocery.yaml").read_text(encoding="utf-8")

    opened = re.sub(r"(?m)^    # (- path:|  )", r"    \1", text)
    files = {file.constants["split"]: file.path for file in parse_source(opened, "g").tables["judgments"]}

    assert files["test"] == "image_queries_test.csv"
    assert set(files) == {"train", "validation", "test"}
