"""Exports as shops really write them: broken quotes, odd headers, wrapped JSON, mappings that say more."""

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mmsearch_dagster.adapters.sources import load_source, read_table
from mmsearch_dagster.core.catalog.contract import CheckedRows, separate_broken_rows
from mmsearch_dagster.core.errors import MmsearchError, SourceError

Reads = Callable[..., CheckedRows]


@pytest.fixture
def reads(tmp_path: Path) -> Reads:
    """Writes files (name -> content) and a mapping of the first one, and reads the table."""

    def read(files: dict[str, str | bytes], table: str = "products", **mapping: Any) -> CheckedRows:
        for name, content in files.items():
            (tmp_path / name).write_bytes(content.encode() if isinstance(content, str) else content)
        document = {"catalogue": "s", "tables": {table: {"path": next(iter(files)), **mapping}}}
        (tmp_path / "source.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")
        source = load_source(tmp_path / "source.yaml")
        return separate_broken_rows(read_table(source, table, lambda ids: ids))

    return read


def broken(rows: CheckedRows) -> dict[int, str]:
    return {
        row: "; ".join(reasons) for row, reasons in rows.quarantined.select("_row", "reasons").iter_rows()
    }


class TestBrokenQuotes:
    """One stray quote is one broken row, whatever stands behind it."""

    @pytest.mark.parametrize(
        "row",
        ['"2","Screen 24"","9"', '"2",Screen "24,"9"', '"2","Screen 24" wide","9"', '2,"Screen 24 inch,9'],
    )
    @pytest.mark.parametrize("end", ["", "\n", "\r\n"])
    def test_the_rows_behind_it_are_read(self, reads: Reads, row: str, end: str):
        rest = "\r\n".join(f'"{number}","Lamp {number}","{number}"' for number in range(3, 30))
        rows = reads({"p.csv": f'product_id,title,price\r\n"1","Mug","5"\r\n{row}\r\n{rest}{end}'})
        assert rows.good["product_id"].len() >= 28
        assert set(rows.good["product_id"]) >= {"1", *map(str, range(3, 30))}
        assert rows.good["title"].str.len_chars().max() < 20  # pyright: ignore[reportOptionalOperand, reportOperatorIssue]

    def test_a_quote_that_never_closes(self, reads: Reads):
        rows = reads({"p.csv": 'product_id,title\n1,Mug\n2,"never closed\n3,Lamp\n4,Hat\n'})
        assert rows.good["product_id"].to_list() == ["1", "3", "4"]
        assert broken(rows) == {2: "record: unbalanced quotes"}

    def test_two_stray_quotes_that_look_like_a_pair_swallow_no_rows(self, reads: Reads):
        lines = ["product_id,title,price", '1,"Mug,2', "2,Lamp,3", "3,Hat,4", '4,Bag",5', "5,Pen,6"]
        rows = reads({"p.csv": "\n".join(lines)})
        assert set(rows.good["product_id"]) == {"2", "3", "4", "5"}

    def test_a_description_of_several_lines_is_one_value(self, reads: Reads):
        text = 'product_id,title,description\n1,Mug,"white,\nsmall, and ""nice""\nmade of clay"\n2,Hat,x\n'
        rows = reads({"p.csv": text})
        assert rows.good["description"].to_list() == ['white, small, and "nice" made of clay', "x"]

    def test_what_can_be_the_rest_of_a_broken_row_is_no_product(self, reads: Reads):
        text = 'product_id,title,price\n1,"one\ntwo" three\nfour",5\n2,Hat,6\n'
        rows = reads({"p.csv": text})
        assert rows.good["product_id"].to_list() == ["2"]
        assert list(broken(rows)) == [1, 2, 3]

    def test_a_file_that_ends_inside_a_row(self, reads: Reads):
        rows = reads({"p.csv": "product_id,title,price\n1,Mug,5\n2,La"})
        assert broken(rows) == {2: "record: the file ends inside this row"}


class TestHeaders:
    def test_spaces_and_columns_without_a_name_mean_nothing(self, reads: Reads):
        rows = reads({"p.csv": " product_id ,title , price,,\n1,Mug,5,,\n2,Hat,6,,,,\n"})
        assert rows.good["price"].to_list() == [5.0, 6.0]

    @pytest.mark.parametrize("before", ["\n\n", "sep=,\n", ",,\n"])
    def test_what_spreadsheets_write_before_the_header_means_nothing(self, reads: Reads, before: str):
        assert reads({"p.csv": f"{before}product_id,title\n1,Mug\n"}).good["title"].to_list() == ["Mug"]

    def test_a_name_that_stands_twice_matters_only_where_it_is_mapped(self, reads: Reads):
        text = "sku,name,tag,tag\n1,Mug,a,b\n"
        assert reads({"p.csv": text}, columns={"product_id": "sku", "title": "name"}).good.height == 1
        with pytest.raises(SourceError, match="names column 'tag' twice"):
            reads({"p.csv": text}, columns={"product_id": "sku", "title": "tag"})

    def test_a_mapped_name_may_have_its_outer_space(self, reads: Reads):
        rows = reads({"p.csv": "sku ,name\n1,Mug\n"}, columns={"product_id": "sku ", "title": " name"})
        assert rows.good["title"].to_list() == ["Mug"]

    @pytest.mark.parametrize("encoding", ["cp1252", "utf-16", "latin-1"])
    def test_another_encoding_is_said(self, reads: Reads, encoding: str):
        content = "product_id,title\n1,Café\n".encode(encoding)
        assert reads({"p.csv": content}, encoding=encoding).good["title"].to_list() == ["Café"]


class TestWhatProgramsLeaveInAnExport:
    def test_a_header_in_the_middle_is_no_product(self, reads: Reads):
        rows = reads({"p.csv": "product_id,title,price\n1,A,5\nproduct_id,title,price\n2,B,6\n"})
        assert rows.good["product_id"].to_list() == ["1", "2"]
        assert broken(rows) == {2: "record: it is the header again"}

    @pytest.mark.parametrize("before", ["# exported 2024-01-05\n", "My shop,,\n,,\n", "My shop\n\n"])
    def test_a_title_above_the_header_is_no_header(self, reads: Reads, before: str):
        rows = reads({"p.csv": f"{before}product_id,title,price\n1,A,5\n"})
        assert rows.good.select("product_id", "price").rows() == [("1", 5.0)]

    def test_a_file_of_one_column_keeps_its_header(self, reads: Reads):
        assert reads({"p.csv": "product_id\n1\n"}, constants={"title": "T"}).good["product_id"].to_list() == [
            "1"
        ]

    def test_a_total_below_the_last_row_is_no_product(self, reads: Reads):
        rows = reads({"p.csv": "product_id,title,price\n1,A,5\n,,\nTotal,,5\n"})
        assert rows.good["product_id"].to_list() == ["1"]
        assert list(broken(rows)) == [3]

    def test_ids_that_a_spreadsheet_cut_short_are_not_guessed(self, reads: Reads):
        rows = reads({"p.csv": "product_id,title\n1.23E+12,A\n1.23E+12,B\n1E5,C\n"})
        assert rows.good["product_id"].to_list() == ["1E5"], "a number of the shop's own"
        assert "a spreadsheet cut short; export the column as text" in broken(rows)[1]

    @pytest.mark.parametrize("cell", ['"=""00123"""', '="00123"', "'00123", "00123"])
    def test_zeros_in_front_of_an_id_are_kept_however_they_were_saved(self, reads: Reads, cell: str):
        assert reads({"p.csv": f"product_id,title\n{cell},A\n"}).good["product_id"].to_list() == ["00123"]

    def test_a_stray_zero_byte_means_nothing(self, reads: Reads):
        rows = reads({"p.csv": b"product_id,title,price\n1,M\x00ug,5\n2,A hat with a long name,6\n"})
        assert rows.good["title"].to_list() == ["Mug", "A hat with a long name"]

    def test_a_row_in_another_encoding_is_one_broken_row(self, reads: Reads):
        """Read as one encoding, either the first or the second row would be changed without a word."""
        content = "product_id,title\n1,Café\n2,Thé\n".encode() + "3,Été\n".encode("cp1252")
        rows = reads({"p.csv": content})
        assert rows.good["title"].to_list() == ["Café", "Thé"]
        assert broken(rows) == {3: "record: it is written in another encoding than the rest of the file"}

    def test_entities_in_a_title_are_shown_as_a_page_shows_them(self, reads: Reads):
        rows = reads({"p.csv": "product_id,title,brand\n1,Mug &amp; Cup,L&#39;Été\n2,AT&T phone,A&B;C\n"})
        assert rows.good.select("title", "brand").rows() == [("Mug & Cup", "L'Été"), ("AT&T phone", "A&B;C")]

    @pytest.mark.parametrize("word", ["NULL", "\\N", "(null)", "#N/A", "#REF!", "nan", "None"])
    def test_a_word_for_no_value_is_no_value(self, reads: Reads, word: str):
        line = ",".join(["{id}", "{title}", *[word] * 5])
        text = "product_id,title,brand,category,price,currency,image_uris\n"
        text += line.format(id="1", title="Mug") + "\n" + line.format(id=word, title="Hat") + "\n"
        text += "2,Bag,Acme,Bags,5,eur,a.jpg\n"
        rows = reads({"p.csv": text})
        assert rows.good["product_id"].to_list() == ["1", "2"]
        mug, bag = rows.good.to_dicts()
        assert {name for name, value in mug.items() if value is not None} == {"product_id", "title"}
        assert (bag["brand"], bag["currency"], bag["price"]) == ("Acme", "EUR", 5.0)
        assert list(broken(rows)) == [2], "an id that is none"

    def test_what_cannot_be_seen_is_no_part_of_an_id_or_a_title(self, reads: Reads):
        text = "product_id,title\n\u200bA1,So\u00adfa\u00a0bed\n\ufeffA2\u00a0,\u200eHat\nA3,👨\u200d👩 Mug\n"
        rows = reads({"p.csv": text})
        assert rows.good.select("product_id", "title").rows() == [
            ("A1", "Sofa bed"), ("A2", "Hat"), ("A3", "👨\u200d👩 Mug"),
        ]  # fmt: skip

    def test_a_currency_by_its_sign_or_in_small_letters_is_its_code(self, reads: Reads):
        rows = reads({"p.csv": "product_id,title,price,currency\n1,A,5.5,€\n2,B,6.5,gbp\n3,C,7.5,XTS\n"})
        assert rows.good["currency"].to_list() == ["EUR", "GBP", "XTS"]

    def test_a_list_as_python_prints_it(self, reads: Reads):
        rows = reads({"p.csv": "product_id,image_uris\n1,\"['a.jpg', 'b.jpg']\"\n"})
        assert rows.good["image_uris"].to_list() == [["a.jpg", "b.jpg"]]

    def test_letters_of_every_script_stay(self, reads: Reads):
        titles = ["🎁 Gift 🧸", "مصباح ليد", "עברית", "红色"]
        text = "\n".join(f"{n},{title}" for n, title in enumerate(titles))
        assert reads({"p.csv": f"product_id,title\n{text}\n"}).good["title"].to_list() == titles

    def test_variants_nested_in_lines_of_json(self, reads: Reads):
        line = {
            "id": 7,
            "title": "Shirt",
            "variants": [{"sku": "S", "price": "9.90"}, {"sku": "M", "price": "10"}],
        }
        columns = {"product_id": ["variants.sku", "id"], "parent_id": "id", "title": "title",
                   "price": ["variants.price"]}  # fmt: skip
        content = json.dumps(line) + "\n" + json.dumps({"id": 8, "title": "Hat"})
        rows = reads({"p.jsonl": content}, columns=columns, nested="variants")
        assert rows.good.select("product_id", "parent_id", "title", "price").rows() == [
            ("8", "8", "Hat", None),
            ("M", "7", "Shirt", 10.0),
            ("S", "7", "Shirt", 9.9),
        ]
        with pytest.raises(SourceError, match="nested is for JSON"):
            reads(
                {"p.csv": "id,title\n1,A\n"},
                columns={"product_id": "id", "title": "title"},
                nested="variants",
            )


ITEM = {"product_id": "1", "title": "Mug"}


class TestJsonShapes:
    @pytest.mark.parametrize(
        "document",
        [[ITEM], {"products": [ITEM]}, {"data": {"items": [ITEM], "count": 1}}, {"x": 1, "y": [ITEM]}],
    )
    def test_the_only_array_of_objects_is_the_table(self, reads: Reads, document: Any):
        assert reads({"p.json": json.dumps(document)}).good["title"].to_list() == ["Mug"]

    def test_of_several_arrays_the_mapping_names_one(self, reads: Reads):
        document = json.dumps({"shop": {"products": [ITEM]}, "brands": [{"id": 2}]})
        with pytest.raises(SourceError, match=r"under shop.products, brands: set records: shop.products"):
            reads({"p.json": document})
        assert reads({"p.json": document}, records="shop.products").good.height == 1

    @pytest.mark.parametrize(
        ("name", "content", "advice"),
        [
            ("p.ndjson", json.dumps(ITEM, indent=1), "each object must stand on one line"),
            ("p.ndjson", json.dumps([ITEM], indent=1), "set format: json"),
            ("p.json", f"{json.dumps(ITEM)}\n{json.dumps(ITEM)}", "set format: ndjson"),
            ("p.json", '{"a": 1}', "holds no array of objects"),
        ],
    )
    def test_another_shape_is_answered_with_what_to_do(
        self, reads: Reads, name: str, content: str, advice: str
    ):
        with pytest.raises(SourceError, match=advice):
            reads({name: content})

    def test_a_number_of_json_has_no_thousands_sign(self, reads: Reads):
        rows = reads({"p.json": json.dumps([{**ITEM, "price": 1.299}])})
        assert rows.good["price"].to_list() == [1.299]

    def test_values_inside_lists_of_objects(self, reads: Reads):
        document = [{**ITEM, "images": [{"src": "a.jpg"}, {"src": "b.jpg"}]}]
        columns = {"product_id": "product_id", "title": "title", "image_uris": "images.src"}
        rows = reads({"p.json": json.dumps(document)}, columns=columns)
        assert rows.good["image_uris"].to_list() == [["a.jpg", "b.jpg"]]


def test_xml_elements_are_rows_and_repeated_children_a_list(reads: Reads):
    feed = (
        '<rss xmlns:g="http://base.google.com/ns/1.0"><channel><title>Shop</title>'
        "<item><g:id>1</g:id><title>Mug</title><g:image_link>a.jpg</g:image_link>"
        "<g:additional_image_link>b.jpg</g:additional_image_link>"
        "<g:additional_image_link>c.jpg</g:additional_image_link></item></channel></rss>"
    )
    columns = {"product_id": "id", "title": "title", "image_uris": ["image_link", "additional_image_link"]}
    rows = reads({"p.xml": feed}, columns=columns)
    assert rows.good.select("title", "image_uris").rows() == [("Mug", ["a.jpg", "b.jpg", "c.jpg"])]
    with pytest.raises(SourceError, match="not readable as XML"):
        reads({"p.xml": feed[:-9]}, columns=columns)


class TestMapping:
    """What a mapping can say."""

    ROWS = (
        "sku,brand,name,price,state,qty,cat,date\n"
        "A,Aero,Mug,5,on,2,Home/Mugs,05/01/2024\nB,,Hat,6,off,0,Wear,\n"
    )

    def read(self, reads: Reads, **columns: Any) -> list[dict[str, Any]]:
        base = {"product_id": "sku", "title": "name"}
        return reads({"p.csv": self.ROWS}, columns={**base, **columns}).good.to_dicts()

    def test_templates_join_columns(self, reads: Reads):
        first, second = self.read(reads, title={"template": "{brand} {name}"})
        assert (first["title"], second["title"]) == ("Aero Mug", "Hat")

    def test_constants_by_condition(self, reads: Reads):
        cases = [{"where": {"state": "ON", "qty": {"not": ["0", ""]}}, "value": True}]
        first, second = self.read(reads, in_stock={"cases": cases, "default": False})
        assert (first["in_stock"], second["in_stock"]) == (True, False)

    def test_values_patterns_and_defaults(self, reads: Reads):
        first, second = self.read(
            reads,
            in_stock={"column": "state", "values": {"on": True, "off": False}},
            lang={"column": "brand", "values": {"Aero": "en"}, "default": "de"},
            brand={"column": "cat", "pattern": "^(\\w)"},
        )
        assert (first["in_stock"], first["lang"], first["brand"]) == (True, "en", "H")
        assert (second["in_stock"], second["lang"], second["brand"]) == (False, "de", "W")

    def test_dates_by_their_format_and_zone(self, reads: Reads):
        first, second = self.read(
            reads, updated_at={"column": "date", "format": "%d/%m/%Y", "time_zone": "Europe/Berlin"}
        )
        assert first["updated_at"] == dt.datetime(2024, 1, 4, 23, tzinfo=dt.UTC)
        assert second["updated_at"] is None

    def test_the_first_column_that_is_not_empty(self, reads: Reads):
        assert [row["brand"] for row in self.read(reads, brand=["brand", "name"])] == ["Aero", "Hat"]

    def test_html_becomes_text(self, reads: Reads):
        columns = {"product_id": "i", "title": "t", "description": {"column": "d", "html": True}}
        rows = reads({"p.csv": "i,t,d\n1,Mug,<p>A &amp; <b>B</b></p>\n"}, columns=columns)
        assert rows.good["description"].to_list() == ["A & B"]

    def test_rows_that_where_leaves_out_are_counted(self, reads: Reads):
        rows = reads(
            {"p.csv": self.ROWS}, columns={"product_id": "sku", "title": "name"}, where={"state": "on"}
        )
        assert rows.good["product_id"].to_list() == ["A"]
        assert rows.dropped == {"the mapping's `where` leaves them out (p.csv)": 1}

    def test_files_are_joined_by_a_key(self, reads: Reads):
        files = {
            "p.csv": "sku,name\n001,Mug\n002,Hat\n",
            "s.csv": "item,qty\n001,3\n002,0\n003,1\n",
            "i.csv": "sku,url\n001,b.jpg\n001,a.jpg\n",
        }
        joins = [
            {"path": "s.csv", "name": "stock", "key": {"sku": "item"}},
            {"path": "i.csv", "name": "pics", "key": "sku"},
        ]
        columns = {"product_id": "sku", "title": "name", "in_stock": "stock.qty", "image_uris": "pics.url"}
        rows = reads(files, columns=columns, joins=joins)
        assert rows.good.select("in_stock", "image_uris").rows() == [
            (True, ["b.jpg", "a.jpg"]),
            (False, None),
        ]
        with pytest.raises(SourceError, match="no key of this file stands in the file that it is joined to"):
            reads({**files, "s.csv": "item,qty\n1,3\n"}, columns=columns, joins=joins)

    def test_rows_of_a_group_are_one_product(self, reads: Reads):
        text = (
            "handle,name,image,size,qty,cat\nmug,Mug,a.jpg,S,0,Home > Mugs\nmug,,b.jpg,L,4,\n"
            "mug,,a.jpg,,,Sale > Mugs\nhat,Hat,,,,\n"
        )
        columns = {
            "product_id": "handle", "title": "name", "image_uris": "image", "in_stock": "qty",
            "category": "cat", "attributes": {"size": "size"},
        }  # fmt: skip
        rows = reads({"p.csv": text}, columns=columns, group_by="handle")
        hat, mug = rows.good.to_dicts()
        assert (mug["title"], mug["image_uris"], mug["in_stock"]) == ("Mug", ["a.jpg", "b.jpg"], True)
        assert mug["category"] == "Home > Mugs | Sale > Mugs"
        assert mug["attributes"] == [{"key": "size", "value": "S|L"}]
        assert hat["image_uris"] is None
        assert rows.dropped == {"joined with another row of their group (p.csv)": 2}

    def test_attributes_whose_names_stand_in_columns(self, reads: Reads):
        columns = {
            "product_id": "i", "title": "t",
            "attributes": {"column": ["v1", "v2"], "names": ["n1", "n2"]},
        }  # fmt: skip
        rows = reads({"p.csv": "i,t,n1,v1,n2,v2\n1,Mug,Colour,red,Size,\n"}, columns=columns)
        assert rows.good["attributes"].to_list() == [[{"key": "Colour", "value": "red"}]]

    def test_amounts_that_no_row_explains_are_asked_about(self, reads: Reads):
        text = "product_id,title,price\n1,Sofa,1.299\n2,Mug,12\n"
        with pytest.raises(SourceError, match=r"'1.299' can be read .* decimal: ','"):
            reads({"p.csv": text})
        columns = {"product_id": "product_id", "title": "title", "price": {"column": "price", "decimal": ","}}
        assert reads({"p.csv": text}, columns=columns).good["price"].to_list() == [1299.0, 12.0]

    def test_a_mapped_column_none_of_whose_values_can_be_read_is_an_error(self, reads: Reads):
        columns = {"product_id": "i", "title": "t", "attributes": "more"}
        with pytest.raises(
            SourceError, match=r"no value of column 'more' can be read as products.attributes"
        ):
            reads({"p.csv": "i,t,more\n1,Mug,plain words\n"}, columns=columns)

    @pytest.mark.parametrize(
        ("columns", "message"),
        [
            ({"price": {"column": "price", "decimals": ","}}, "did you mean 'decimal'"),
            ({"price": {"column": "prize"}}, "no column 'prize'.*did you mean 'price'"),
            ({"title": {"template": "{brnd} x"}}, "no column 'brnd'.*did you mean 'brand'"),
            ({"title": {"template": "words"}}, "column 'title': template names no column"),
            ({"title": {"template": "{name}", "column": "name"}}, "takes column or template, not both"),
            ({"brand": {"column": "brand", "pattern": "("}}, "no regular expression"),
            ({"updated_at": {"column": "date", "time_zone": "Europe/Berln"}}, "did you mean 'Europe/Berlin'"),
            ({"updated_at": {"column": "date", "format": "dd.mm.yyyy"}}, "write %d/%m/%Y"),
            ({"colour": "name"}, "unknown column 'colour'"),
        ],
    )
    def test_a_mistake_is_answered_with_the_right_word(self, reads: Reads, columns: dict, message: str):
        with pytest.raises(SourceError, match=message):
            self.read(reads, **columns)

    def test_no_message_cuts_the_list_of_the_contract_s_columns(self, reads: Reads):
        with pytest.raises(SourceError, match=r"known: attributes, audio_uri, .*, updated_at, video_uri$"):
            self.read(reads, zzzz="name")


CELLS = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00"), max_size=15)
CONTENTS = st.one_of(
    st.binary(max_size=200),
    st.lists(st.lists(CELLS, min_size=1, max_size=4), max_size=8).map(
        lambda rows: "product_id,title,price\n" + "\n".join(",".join(row) for row in rows)
    ),
    st.lists(st.sampled_from(['"', ",", "\n", "1", "a", "\r", ";", "1.5"]), max_size=60).map(
        lambda signs: "product_id,title,price\n" + "".join(signs)
    ),
)


@settings(
    max_examples=3 * settings.default.max_examples,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(CONTENTS, st.sampled_from(["p.csv", "p.tsv", "p.json", "p.ndjson", "p.xml"]))
def test_no_export_whatever_ends_in_a_traceback(reads: Reads, content: str | bytes, name: str):
    try:
        rows = reads({name: content})
    except MmsearchError as error:
        lines = str(error).splitlines()
        rows = None
    else:
        lines = [""]
    assert len(lines) == 1
    assert rows is None or rows.good["product_id"].null_count() == 0


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=6))
def test_a_file_that_is_written_well_is_read_as_it_was_written(reads: Reads, rows: list[tuple[str, str]]):
    frame = pl.DataFrame({"product_id": [f"p{n}" for n in range(len(rows))], "title": "T",
                          "brand": [a for a, _ in rows], "description": [b for _, b in rows]})  # fmt: skip
    read = reads({"p.csv": frame.write_csv(quote_style="always")}).good

    def clean(text: str) -> str | None:
        from mmsearch_dagster.core.catalog.casting.texts import clean_text, without_script_words

        return pl.select(without_script_words(clean_text(pl.lit(text)))).item()

    assert read["brand"].to_list() == [clean(a) for a, _ in rows]
    assert read["description"].to_list() == [clean(b) for _, b in rows]
