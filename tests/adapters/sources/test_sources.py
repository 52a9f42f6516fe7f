import datetime as dt
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from mmsearch_dagster.adapters.sources import Source, load_source, read_table
from mmsearch_dagster.adapters.sources.ubi import to_ubi
from mmsearch_dagster.core.catalog.contract import CheckedRows, separate_broken_rows
from mmsearch_dagster.core.catalog.pseudonyms import pseudonym, pseudonymise
from mmsearch_dagster.core.errors import SourceError

ROOT = Path(__file__).parents[3]
DATA = ROOT.parent / "shared" / "data"
KEY = b"k" * 32
HIDE = partial(pseudonymise, key=KEY)
MAPPED = "{product_id: id, title: name, price: cost, image_uris: pics}"


def same(ids: pl.Series) -> pl.Series:
    return ids


@pytest.fixture
def shop(tmp_path: Path) -> Callable[..., Path]:
    """Writes one file and a source.yaml that maps it."""

    def write(name: str, content: bytes | str, mapping: str = "", table: str = "products") -> Path:
        (tmp_path / name).write_bytes(content.encode() if isinstance(content, str) else content)
        file = tmp_path / "source.yaml"
        more = f", {mapping}" if mapping else ""
        file.write_text(f"catalogue: shop\ntables:\n  {table}: {{path: '{name}'{more}}}\n")
        return file

    return write


def split(source_file: Path, table: str = "products", hide: Callable = HIDE) -> CheckedRows:
    return separate_broken_rows(read_table(load_source(source_file), table, hide))


def broken(result: CheckedRows) -> dict[int, list[str]]:
    return dict(result.quarantined.select("_row", "reasons").iter_rows())


class TestFormats:
    """The same shop in every format gives the same table."""

    ROWS = (
        {"id": "b", "name": 'Tee "öko"', "cost": "5.5", "pics": "b.jpg|c.jpg"},
        {"id": "a", "name": "红色\n运动鞋", "cost": "", "pics": ""},
    )

    @staticmethod
    def expected(result: CheckedRows) -> None:
        assert result.good.select("product_id", "title", "price", "image_uris").rows() == [
            ("a", "红色 运动鞋", None, None),
            ("b", 'Tee "öko"', 5.5, ["b.jpg", "c.jpg"]),
        ]

    @pytest.mark.parametrize("bom", ["", "\ufeff"])
    @pytest.mark.parametrize(("name", "options"), [("p.csv", {}), ("p.tsv", {"separator": "\t"})])
    def test_delimited(self, shop: Callable[..., Path], name: str, options: dict, bom: str):
        content = bom + pl.DataFrame(self.ROWS).write_csv(**options).replace("\n", "\r\n")
        self.expected(split(shop(name, content, f"columns: {MAPPED}")))

    def test_another_delimiter(self, shop: Callable[..., Path]):
        content = pl.DataFrame(self.ROWS).write_csv(separator=";")
        self.expected(split(shop("p.csv", content, f"delimiter: ';', columns: {MAPPED}")))

    def test_parquet(self, shop: Callable[..., Path], tmp_path: Path):
        frame = pl.DataFrame(self.ROWS).with_columns(
            pl.col("cost").cast(pl.Float32, strict=False), pl.col("pics").str.split("|")
        )
        frame.write_parquet(tmp_path / "made.parquet")
        content = (tmp_path / "made.parquet").read_bytes()
        self.expected(split(shop("p.parquet", content, f"columns: {MAPPED}")))

    @pytest.mark.parametrize("name", ["p.ndjson", "p.jsonl", "p.json"])
    def test_json(self, shop: Callable[..., Path], name: str):
        rows = [{**row, "pics": [uri for uri in row["pics"].split("|") if uri]} for row in self.ROWS]
        rows[0]["cost"] = 5.5
        lines = "\n".join(json.dumps(row) for row in rows)
        self.expected(
            split(shop(name, json.dumps(rows) if name == "p.json" else lines, f"columns: {MAPPED}"))
        )


def test_without_columns_the_contract_s_own_names_are_taken(shop: Callable[..., Path]):
    file = shop("p.csv", "product_id,title,colour\n1,Tee,red\n", "constants: {currency: SEK}")
    (row,) = split(file).good.to_dicts()
    assert (row["product_id"], row["title"], row["currency"]) == ("1", "Tee", "SEK")


def test_nested_json_is_reached_by_dots_and_maps_are_read(shop: Callable[..., Path]):
    line = json.dumps(
        {"meta": {"sku": 12345678901234567890}, "t": "Tee", "attrs": {"size": 4, "color": "red"}}
    )
    file = shop("p.ndjson", line, "columns: {product_id: meta.sku, title: t, attributes: attrs}")
    (row,) = split(file).good.to_dicts()
    assert row["product_id"] == "12345678901234567890"
    assert row["attributes"] == [{"key": "color", "value": "red"}, {"key": "size", "value": "4"}]


@pytest.mark.parametrize("name", ["_index", "_row", "_broken", "_source", "_problems"])
@pytest.mark.parametrize("form", ["csv", "ragged.csv", "parquet", "ndjson"])
def test_a_shop_s_column_may_have_any_name(shop: Callable[..., Path], tmp_path: Path, form: str, name: str):
    frame = pl.DataFrame({name: ["a", "b"], "title": ["Tee", "Hat"]})
    write = {"parquet": frame.write_parquet, "ndjson": frame.write_ndjson}.get(form, frame.write_csv)
    write(tmp_path / "made")
    content = (tmp_path / "made").read_bytes() + (b"c,Mug,more\n" if form == "ragged.csv" else b"")
    for column in (name, "title"):
        result = split(shop(f"p.{form}", content, f"columns: {{product_id: {column}, title: title}}"))
        assert sorted(result.good["product_id"]) == sorted(frame[column])
        assert broken(result) == ({3: ["record: 3 fields under a header of 2"]} if "ragged" in form else {})


def test_several_files_make_one_table_and_rows_know_their_file(tmp_path: Path):
    for name in ("train", "val"):
        (tmp_path / f"{name}.csv").write_text(f"q,p,g\n{name}-1,p1,3\n{name}-2,p1,9\n")
    columns = "{query_id: q, query_text: q, product_id: p, grade: g}"
    files = ", ".join(
        f"{{path: {n}.csv, columns: {columns}, constants: {{split: {n}}}}}" for n in ("train", "val")
    )
    (tmp_path / "source.yaml").write_text(f"catalogue: s\ntables: {{judgments: [{files}]}}")
    result = split(tmp_path / "source.yaml", "judgments")
    assert result.good["split"].to_list() == ["train", "validation"]
    assert result.quarantined.select("_source", "_row").rows() == [("train.csv", 2), ("val.csv", 2)]


def test_a_table_that_is_not_mapped_is_empty_or_demanded(shop: Callable[..., Path]):
    file = shop("p.csv", "product_id,title\n1,Tee\n")
    assert read_table(load_source(file), "reviews", HIDE).frame.height == 0
    with pytest.raises(SourceError, match="maps no table 'events'"):
        load_source(file, require=("products", "events"))


class TestRefusedFiles:
    """One line that names the file and the trouble; nothing is written."""

    @pytest.mark.parametrize(
        ("name", "content", "message"),
        [
            ("p.csv", b"\x89PNG\r\n\x1a\n\x00\x00", "is not csv but a PNG picture"),
            ("p.csv", b"PK\x03\x04...", "is not csv but a zip archive or an Excel workbook"),
            ("p.csv", b"", "the file is empty"),
            ("p.csv", b" \n\n", "the file is empty"),
            ("p.csv", b"\xef\xbb\xbf\n", "the file is empty"),
            ("p.csv", "id,name\n1,Tee\n".encode("utf-16"), "is UTF-16 text"),
            ("p.csv", "id,name\n1,Tee\n".encode("utf-16-le"), "zero bytes"),
            ("p.csv", b"id,name,name\n1,Tee,x\n", "names column 'name' twice"),
            ("p.csv", b"id,titel\n1,Tee\n", "no column 'name' (mapped to products.title"),
            ("p.parquet", b"id,name\n1,Tee\n", "is not a Parquet file"),
            ("p.parquet", b"PAR1 and then nothing", "not readable as Parquet"),
            ("p.json", b'{"id": 1}', "expected one array of objects"),
            ("p.json", b'[{"id": 1', "not readable as JSON"),
            ("p.ndjson", b"no json at all\n", "holds no JSON object"),
        ],
    )
    def test_on_loading(self, shop: Callable[..., Path], name: str, content: bytes, message: str):
        file = shop(name, content, "columns: {product_id: id, title: name}")
        before = sorted(file.parent.iterdir())
        with pytest.raises(SourceError) as caught:
            load_source(file)
        assert message in str(caught.value)
        assert str(file.parent / name) in str(caught.value)
        assert "\n" not in str(caught.value)
        assert sorted(file.parent.iterdir()) == before

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            ("id,name\n1,Caf\xe9\n".encode("latin-1"), "is not UTF-8 text"),
            (("id,name\n" + "1,Tee\n" * 99_999 + "1,Caf\xe9\n").encode("latin-1"), "is not UTF-8 text"),
        ],
    )
    def test_on_reading(self, shop: Callable[..., Path], content: bytes, message: str):
        file = shop("p.csv", content, "columns: {product_id: id, title: name}")
        with pytest.raises(SourceError, match=message):
            split(file)

    def test_a_parquet_file_cut_short(self, shop: Callable[..., Path], tmp_path: Path):
        pl.DataFrame({"id": range(1000), "name": "t"}).write_parquet(tmp_path / "whole.parquet")
        content = (tmp_path / "whole.parquet").read_bytes()
        file = shop("p.parquet", content[: len(content) // 2], "columns: {product_id: id, title: name}")
        with pytest.raises(SourceError, match="not readable as Parquet"):
            load_source(file)

    def test_a_missing_file_a_missing_root_and_a_missing_mapping(
        self, shop: Callable[..., Path], tmp_path: Path
    ):
        file = shop("p.csv", "product_id,title\n1,T\n")
        (tmp_path / "p.csv").unlink()
        with pytest.raises(SourceError, match="no such file"):
            load_source(file)
        with pytest.raises(SourceError, match="root folder does not exist"):
            load_source(file, tmp_path / "nowhere")
        with pytest.raises(SourceError, match="cannot be read"):
            load_source(tmp_path / "nothing.yaml")

    def test_a_file_name_that_no_folder_can_hold(self, shop: Callable[..., Path]):
        file = shop("p.csv", "product_id,title\n1,T\n")
        file.write_text(f"catalogue: s\ntables: {{products: {{path: {'p' * 300}.csv}}}}")
        with pytest.raises(SourceError, match="cannot be read"):
            load_source(file)

    def test_a_file_outside_the_root(self, shop: Callable[..., Path], tmp_path: Path):
        file = shop("p.csv", "product_id,title\n1,T\n")
        file.write_text("catalogue: s\ntables: {products: {path: ../p.csv}}")
        with pytest.raises(SourceError, match="leaves the root folder"):
            load_source(file)
        file.write_text(f"catalogue: s\ntables: {{products: {{path: '{tmp_path}/p.csv'}}}}")
        assert split(file).good.height == 1

    @pytest.mark.parametrize(
        ("columns", "message"),
        [
            ("{title: name}", "does not map the required column 'product_id'.*did you mean 'produkt_id'"),
            ("{product_id: produkt_id}", "maps none of title, image_uris"),
            ("{product_id: product_id, title: name}", "no column 'product_id'.*did you mean 'produkt_id'"),
        ],
    )
    def test_an_unmapped_column(self, shop: Callable[..., Path], columns: str, message: str):
        with pytest.raises(SourceError, match=message):
            load_source(shop("p.csv", "produkt_id,name\n1,Tee\n", f"columns: {columns}"))

    @pytest.mark.parametrize(
        ("header", "told"),
        [
            (
                "Product_ID, Titles ,x",
                "columns: 'Product_ID', 'Titles', 'x'; did you mean 'Titles' for title?",
            ),
            (
                "product_id;title",
                "columns: 'product_id;title'; it is one column: set delimiter to what parts",
            ),
            ("product_id\ttitle", "it is one column: set delimiter to what parts the fields"),
            (",".join("abcdefghijkl"), "'i', 'j', ..."),
        ],
    )
    def test_a_header_in_other_words_is_quoted_with_the_nearest_names(
        self, shop: Callable[..., Path], header: str, told: str
    ):
        with pytest.raises(SourceError) as caught:
            load_source(shop("p.csv", f"{header}\n1,Tee\n"))
        assert told in str(caught.value)

    def test_a_nested_column_where_one_value_is_due(self, shop: Callable[..., Path], tmp_path: Path):
        pl.DataFrame({"id": ["1"], "name": [["a", "b"]]}).write_parquet(tmp_path / "x")
        file = shop("p.parquet", (tmp_path / "x").read_bytes(), "columns: {product_id: id, title: name}")
        with pytest.raises(SourceError, match=r"column 'name' holds List\(String\), but products.title"):
            load_source(file)

    @pytest.mark.parametrize(
        ("column", "values", "told"),
        [
            ("image_uris", [b"\xff\xd8"], "holds Binary, but products.image_uris takes the names of picture"),
            ("attributes", [5], "holds Int64, but products.attributes takes a struct of single values"),
            ("attributes", [[{"k": "a", "v": "b"}]], "a list of structs with the fields key and value"),
            ("updated_at", [dt.time(1, 2)], "holds Time, but products.updated_at takes a time with its date"),
        ],
    )
    def test_a_column_of_a_type_that_would_come_out_as_nonsense(
        self, shop: Callable[..., Path], tmp_path: Path, column: str, values: list, told: str
    ):
        pl.DataFrame({"product_id": ["1"], "title": ["T"], column: values}).write_parquet(tmp_path / "x")
        with pytest.raises(SourceError) as caught:
            load_source(shop("p.parquet", (tmp_path / "x").read_bytes()))
        assert f"p.parquet: column '{column}'" in str(caught.value)
        assert told in str(caught.value)


class TestParquetTypes:
    """What pandas and Spark write for texts and lists is read as such."""

    @staticmethod
    def read(shop: Callable[..., Path], tmp_path: Path, **columns: pl.Series) -> CheckedRows:
        frame = pl.DataFrame({"product_id": ["1", "2"], "title": ["T", "T"]}).with_columns(**columns)
        frame.write_parquet(tmp_path / "x")
        return split(shop("p.parquet", (tmp_path / "x").read_bytes()))

    def test_a_dictionary_of_texts_is_texts(self, shop: Callable[..., Path], tmp_path: Path):
        prices = pl.Series(["5.5", "7"], dtype=pl.Categorical)
        assert self.read(shop, tmp_path, price=prices).good["price"].to_list() == [5.5, 7.0]

    def test_bytes_are_texts_in_utf_8_and_others_are_told(self, shop: Callable[..., Path], tmp_path: Path):
        result = self.read(shop, tmp_path, title=pl.Series([b"Tee", b"Caf\xe9"]))
        assert result.good["title"].to_list() == ["Tee"]
        assert broken(result)[2][0] == "title: 'Caf\ufffd' is not text"

    def test_lists_of_a_fixed_length_are_lists(self, shop: Callable[..., Path], tmp_path: Path):
        uris = pl.Series([["a.jpg", "b.jpg"], ["c.jpg", "d.jpg"]], dtype=pl.Array(pl.String, 2))
        assert self.read(shop, tmp_path, image_uris=uris).good["image_uris"].to_list() == uris.to_list()


class TestOddRows:
    """One bad record is one quarantined row."""

    def test_a_csv_row_with_too_many_fields(self, shop: Callable[..., Path]):
        result = split(shop("p.csv", "product_id,title\n1,Tee\n2,Tee,more\n\n4,Shoe\n"))
        assert result.good["product_id"].to_list() == ["1", "4"]
        assert broken(result) == {2: ["record: 3 fields under a header of 2"]}

    def test_blank_lines_are_not_rows_but_rows_without_mapped_values_are(self, shop: Callable[..., Path]):
        file = shop("p.csv", "id,name,x\n1,Tee,\n\n,,y\n", "columns: {product_id: id, title: name}")
        result = split(file)
        assert broken(result) == {3: ["product_id is missing", "none of title, image_uris is given"]}

    def test_a_quote_inside_an_unquoted_field_and_a_huge_field(self, shop: Callable[..., Path]):
        huge = "x" * 300_000
        result = split(shop("p.csv", f'product_id,title\n1,5" pipe\n2,{huge}\n'))
        assert result.good["title"].to_list() == ['5" pipe', huge]

    def test_a_file_name_with_glob_characters(self, shop: Callable[..., Path]):
        assert split(shop("p[1]*.csv", "product_id,title\n1,Tee\n")).good.height == 1

    @pytest.mark.parametrize("line", ['{"product_id": "2", "title"', "[1]", "7", "\udcff", '{"a":' * 5000])
    def test_a_bad_line_of_json(self, shop: Callable[..., Path], line: str):
        content = '{"product_id": "1", "title": "Tee"}\n' + line + '\n\n{"product_id": "3", "title": "Tee"}'
        result = split(shop("p.ndjson", content.encode("utf-8", "surrogateescape")))
        assert result.good["product_id"].to_list() == ["1", "3"]
        assert broken(result) == {2: ["record: not a JSON object"]}

    def test_half_a_surrogate_pair_is_replaced(self, shop: Callable[..., Path]):
        result = split(shop("p.ndjson", '{"product_id": "1", "title": "Tee \\ud83d"}'))
        assert result.good["title"].to_list() == ["Tee ?"]


class TestPeople:
    def test_no_raw_id_comes_in_by_any_door(self, shop: Callable[..., Path]):
        rows = "2024-01-01,anna@example.org ,sess-1,p1,click\nnot a time,anna@example.org,sess-1,p1,click\n"
        file = shop("e.csv", f"timestamp,user_id,session_id,product_id,action\n{rows}", table="events")
        result = split(file, "events")
        assert result.good["user_id"].to_list() == [pseudonym("anna@example.org", KEY)]
        assert result.quarantined.height == 1
        for frame in (result.good, result.quarantined):
            assert "anna" not in frame.write_ndjson()
            assert "sess-1" not in frame.write_ndjson()

    @pytest.mark.parametrize(
        "row", ["anna,2024-01-01,p1,click,", "2024-01-01,s1,click,anna,", ",,,anna,anna"]
    )
    def test_a_shifted_row_does_not_carry_an_id_into_the_quarantine(
        self, shop: Callable[..., Path], row: str
    ):
        file = shop("e.csv", f"timestamp,user_id,product_id,action,variant\n{row}\n", table="events")
        result = split(file, "events")
        assert result.good.height == 0
        assert "anna" not in result.quarantined.write_ndjson()

    def test_numbers_as_ids_hash_like_their_text(self, shop: Callable[..., Path], tmp_path: Path):
        columns = {"timestamp": ["2024-01-01"], "user_id": [17.0], "product_id": ["p"], "action": ["click"]}
        pl.DataFrame(columns).write_parquet(tmp_path / "x")
        file = shop("e.parquet", (tmp_path / "x").read_bytes(), table="events")
        assert split(file, "events").good["user_id"].to_list() == [pseudonym("17", KEY)]

    def test_a_broken_line_of_a_log_is_not_kept(self, shop: Callable[..., Path]):
        whole = '{"timestamp": "2024-01-01", "user_id": "anna", "product_id": "p", "action": "view"}'
        content = whole + '\n{"user_id": "anna'
        result = split(shop("e.ndjson", content, table="events"), "events")
        assert broken(result) == {2: ["record: not a JSON object"]}
        assert "anna" not in result.quarantined.write_ndjson()


def real(name: str) -> Source:
    if not (DATA / name).is_dir():
        pytest.skip(f"{DATA / name} is not there; it is lent beside the repository, never part of it")
    return load_source(ROOT / "assets" / "sources" / f"{name}.yaml", DATA / name)


class TestRealShops:
    def test_grocery(self):
        source = real("grocery")
        products = separate_broken_rows(read_table(source, "products", HIDE))
        judgments = separate_broken_rows(read_table(source, "judgments", HIDE))
        assert (products.good.height, products.quarantined.height) == (81, 0)
        counts = dict(judgments.good["split"].value_counts().iter_rows())
        assert counts == {"train": 2640, "validation": 296}
        for uri in products.good["image_uris"].explode():
            assert (source.root / uri).is_file()

    def test_fashion(self):
        source = real("fashion")
        products = separate_broken_rows(read_table(source, "products", HIDE))
        judgments = separate_broken_rows(read_table(source, "judgments", HIDE))
        assert (products.good.height, products.quarantined.height) == (11_923, 0)
        assert {pair["key"] for pair in products.good["attributes"][0]} == {"color", "gender", "usage"}
        assert (judgments.good.height, judgments.quarantined.height) == (110_427, 0)
        assert judgments.good.n_unique("query_id") == judgments.good.n_unique(["query_id", "split"]) == 240

    def test_ubi(self):
        source = real("ubi")
        events = separate_broken_rows(read_table(source, "events", HIDE))
        searches = separate_broken_rows(read_table(source, "searches", HIDE))
        counts = dict(events.good["action"].value_counts().iter_rows())
        assert counts == {"impression": 1999, "click": 298, "add_to_cart": 234, "purchase": 6}
        assert sum(events.dropped.values()) == 3448 - 2537
        assert events.quarantined.height == 0
        assert searches.good["query_id"].is_unique().all()
        assert set(events.good["user_id"].str.len_chars()) == {32}

    def test_ubi_reads_back_as_it_was_written(self, tmp_path: Path):
        source = real("ubi")
        events = separate_broken_rows(read_table(source, "events", HIDE)).good
        searches = separate_broken_rows(read_table(source, "searches", HIDE)).good
        (tmp_path / "log.ubi").write_text("\n".join(to_ubi(events, searches)) + "\n", encoding="utf-8")
        (tmp_path / "source.yaml").write_text(
            "catalogue: again\ntables: {events: {path: log.ubi}, searches: {path: log.ubi}}"
        )
        again = load_source(tmp_path / "source.yaml")
        for table, written in (("events", events), ("searches", searches)):
            assert_frame_equal(separate_broken_rows(read_table(again, table, same)).good, written)
