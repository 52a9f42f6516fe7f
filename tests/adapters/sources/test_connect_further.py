"""Exports of further shop systems, and of none, connected without a word of mapping."""

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mmsearch_dagster.adapters.sources import load_source, read_table
from mmsearch_dagster.adapters.sources.connect import as_yaml, connect
from mmsearch_dagster.adapters.sources.unpack import unpacked
from mmsearch_dagster.core.catalog.contract import separate_broken_rows
from mmsearch_dagster.core.errors import SourceError

Reads = Callable[[str], tuple[str, dict[str, dict[str, Any]]]]


@pytest.fixture
def connected(tmp_path: Path) -> Reads:
    """Writes a CSV and connects it; returns its kind and the good rows by id, their attributes as a map."""

    def read(content: str) -> tuple[str, dict[str, dict[str, Any]]]:
        file, out = tmp_path / "p.csv", tmp_path / "source.yaml"
        file.write_text(content, encoding="utf-8")
        files = connect([file])
        out.write_text(as_yaml(files, "shop", out), encoding="utf-8")
        rows = separate_broken_rows(read_table(load_source(out), "products", lambda ids: ids))
        assert rows.quarantined.is_empty(), rows.quarantined["reasons"].to_list()
        shown = {row["product_id"]: row for row in rows.good.to_dicts()}
        for row in shown.values():
            row["attributes"] = {pair["key"]: pair["value"] for pair in row["attributes"] or ()}
        return files[0].draft.kind, shown

    return read


def test_prestashop(connected: Reads):
    kind, rows = connected(
        "Product ID;Active (0/1);Name *;Categories (x,y,z...);Price tax included;On sale (0/1);Reference #;"
        "Manufacturer;Quantity;Summary;Description;Image URLs (x,y,z...);Feature(Name:Value:Position);"
        "Out of stock action\n"
        "7;1;Clay mug;Kitchen,Mugs;12.50;0;CM-7;Kiln;0;<p>Short</p>;<p>Made of clay</p>;"
        "https://s.example/7.jpg,https://s.example/7b.jpg;Color:Blue:1:0,Size:M:2:0;1\n"
        "8;1;Old bowl;Kitchen;9;0;OB-8;Kiln;0;;<p>x</p>;https://s.example/8.jpg;Color:Red:1:0;0\n"
        "9;0;Hidden;Kitchen;9;0;H-9;Kiln;5;;<p>x</p>;https://s.example/9.jpg;;0\n"
    )
    assert kind == "PrestaShop product CSV"
    assert set(rows) == {"7", "8"}, "number 9 is not active"
    mug = rows["7"]
    assert (mug["title"], mug["price"], mug["brand"]) == ("Clay mug", 12.5, "Kiln")
    assert (mug["category"], mug["description"]) == ("Kitchen | Mugs", "Made of clay")
    assert mug["image_uris"] == ["https://s.example/7.jpg", "https://s.example/7b.jpg"]
    assert mug["attributes"] == {"Color": "Blue", "Size": "M"}
    assert (mug["in_stock"], rows["8"]["in_stock"]) == (True, False), "the mug can be ordered without stock"


def test_bigcommerce(connected: Reads):
    kind, rows = connected(
        "Item Type,Product ID,Product Name,Product Code/SKU,Brand Name,Product Description,Price,Sale Price,"
        "Product Visible?,Track Inventory,Current Stock Level,Category,Product Image File - 1\n"
        "Product,77,Plain shirt,PS,Acme,<p>Cotton</p>,25.00,0.00,Y,by option,0,Clothing/Shirts;Sale,p.jpg\n"
        "  SKU,,[S]Color=Black,PS-B,,,25.00,,,,5,,b.jpg\n"
        '  SKU,,"[S]Color=White,[RT]Size=M",PS-W,,,27.00,,,,0,,\n'
        "  Rule,,PS-W,,,,[ADD]2,,,,,,\n"
        "Product,78,Mug,MUG,Acme,<p>Clay</p>,9.00,7.00,Y,none,0,Kitchen/Mugs,m.jpg\n"
        "Product,79,Hidden,HID,Acme,,9.00,,N,none,0,Kitchen/Mugs,h.jpg\n"
    )
    assert kind == "BigCommerce product CSV"
    assert set(rows) == {"PS-B", "PS-W", "78"}
    black, white, mug = (rows[key] for key in ("PS-B", "PS-W", "78"))
    assert (black["parent_id"], white["parent_id"], mug["parent_id"]) == ("77", "77", None)
    assert (black["title"], black["category"]) == ("Plain shirt", "Clothing > Shirts | Sale")
    assert (black["price"], white["price"], mug["price"]) == (25.0, 27.0, 7.0)
    assert (black["in_stock"], white["in_stock"], mug["in_stock"]) == (True, False, True)
    assert white["attributes"] == {"Color": "White", "Size": "M"}
    assert (black["image_uris"], white["image_uris"]) == (["b.jpg"], ["p.jpg"])


def test_shopware_6(connected: Reads):
    whole, variant, lamp = "0" * 31 + "a", "0" * 31 + "b", "0" * 31 + "c"
    kind, rows = connected(
        "id;parent_id;product_number;active;stock;name;description;price_net;price_gross;cover_media_url;"
        "manufacturer_name;categories\n"
        f"{whole};;SW1;1;10;Shoes;<p>Fast</p>;84.03;99.99;https://s.example/shoe.jpg;Acme;{'d' * 32}\n"
        f"{variant};{whole};SW1.1;;0;;;;;;;\n"
        f"{lamp};;SW2;0;3;Lamp;;10;11.9;https://s.example/lamp.jpg;Acme;{'d' * 32}\n"
    )
    assert kind == "Shopware 6 product CSV"
    assert set(rows) == {variant}
    shoe = rows[variant]
    assert (shoe["title"], shoe["price"], shoe["brand"], shoe["in_stock"]) == ("Shoes", 99.99, "Acme", False)
    assert (shoe["category"], shoe["attributes"]) == (None, {"sku": "SW1.1"}), "ids of categories say nothing"


def test_shopware_5(connected: Reads):
    kind, rows = connected(
        "ordernumber;mainnumber;name;supplier;price_EK;active;instock;description_long;categories;imageUrl;"
        "configuratorOptions\n"
        "S2.1;S2;Shirt;Acme;29,95;1;0;<p>Soft</p>;12|14;https://s.example/r.jpg;Farbe:rot|Größe:M\n"
        "S2.2;S2;Shirt;Acme;31,95;1;3;<p>Soft</p>;12|14;https://s.example/b.jpg;Farbe:blau|Größe:L\n"
    )
    assert kind == "Shopware 5 product CSV"
    blue = rows["S2.2"]
    assert (blue["parent_id"], blue["price"], blue["in_stock"]) == ("S2", 31.95, True)
    assert blue["attributes"] == {"Farbe": "blau", "Größe": "L"}


def test_opencart(connected: Reads):
    kind, rows = connected(
        "product_id,name,categories,sku,quantity,model,manufacturer,image_name,price,date_modified,status,"
        "description,stock_status,additional_images\n"
        "1,Tray,Kitchen > Trays,T-1,0,TR1,Acme,catalog/t.jpg,25.0000,2025-01-15,1,<p>Oak</p>,In Stock,"
        "catalog/t2.jpg\n"
        "2,Old,Kitchen,T-2,4,TR2,Acme,catalog/o.jpg,5.0000,2025-01-15,0,x,In Stock,\n"
    )
    assert kind == "OpenCart product CSV"
    assert set(rows) == {"1"}
    tray = rows["1"]
    assert tray["in_stock"] is False, "the words are those that are shown when nothing is there"
    assert tray["image_uris"] == ["catalog/t.jpg", "catalog/t2.jpg"]
    assert tray["attributes"] == {"mpn": "TR1", "sku": "T-1"}


@pytest.mark.parametrize(
    "header",
    [
        "Materialnummer;Materialkurztext;Warengruppe;VK brutto;Währung;Lagerbestand;Hersteller;Bild-URL",
        "Artikelnummer;Bezeichnung;Kategorie;Preis;Waehrung;Verfügbarkeit;Marke;Bilder",
        "Referencia;Nombre;Categoría;Precio;Moneda;Existencias;Marca;Imagen",
        "Référence;Désignation;Catégorie;Prix TTC;Devise;Quantité;Fabricant;Image",
        "Codice;Nome;Categoria;Prezzo;Valuta;Giacenza;Marca;Immagine",
        "Артикул;Название;Категория;Цена;Currency;Наличие;Бренд;Фото",
        "商品编号;商品名称;分类;价格;Currency;库存;品牌;图片",
        "product_sku;product_name;product_categories;product_price;Currency;product_in_stock;Brand;Photos",
        "SKU *;Name *;Categories (x,y,z...);Price (tax incl.);Currency;Quantity;Brand;Image URLs (x,y)",
    ],
)
def test_columns_by_their_names_in_many_languages(connected: Reads, header: str):
    kind, rows = connected(
        f"{header}\n0012;Lampe;Haus > Licht;1.299,00;EUR;3;Acme;a.jpg\n"
        "0013;Tee;Küche > Tee;9,90;EUR;0;B;b.jpg\n"
    )
    assert kind == "products by the names of columns"
    lamp = rows["0012"]
    assert (lamp["title"], lamp["price"], lamp["currency"], lamp["brand"]) == ("Lampe", 1299.0, "EUR", "Acme")
    assert (lamp["category"], lamp["in_stock"], lamp["image_uris"]) == ("Haus > Licht", True, ["a.jpg"])
    assert rows["0013"]["in_stock"] is False


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "sku,name\n1,머그컵\n".encode("euc_kr"),
            r"it may be .* or '1,머그컵' in euc_kr.*; save it",
        ),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "an old Excel workbook"),
        (b"Rar!\x1a\x07\x01\x00" + b"\x01\x02" * 100, "a RAR archive; unpack it"),
        (b"p.csv".ljust(257, b"\0") + b"ustar\x0000" + b"\0" * 248, "a tar archive; unpack it"),
        (b"<!DOCTYPE html><html><body>Login</body></html>", "is a web page"),
        (b"sku,name,price\n", "holds a header and no row below it that can be read"),
    ],
)
def test_what_is_no_export_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "p.csv").write_bytes(content)
    with pytest.raises(SourceError, match=message) as error:
        connect([tmp_path / "p.csv"])
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize("encoding", ["gb18030", "utf-16", "utf-8-sig"])
def test_chinese_in_any_encoding(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "p.csv").write_bytes("商品编号,商品名称\n1,红色连衣裙\n2,杯子\n".encode(encoding))
    out = tmp_path / "source.yaml"
    out.write_text(as_yaml(connect([tmp_path / "p.csv"]), "shop", out), encoding="utf-8")
    rows = read_table(load_source(out), "products", lambda ids: ids)
    assert set(rows.frame["title"]) == {"红色连衣裙", "杯子"}


def test_of_an_archive_the_table_is_meant(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "shop.zip", "w") as archive:
        for name in ("export/products.csv", "export/images/a.jpg", "export/readme.txt"):
            archive.writestr(name, "sku,name\n1,Mug\n")
    assert unpacked(tmp_path / "shop.zip", tmp_path).name == "products.csv"


ROWS = 12


def test_what_a_shopper_may_ask_for_becomes_attributes_and_what_the_shop_keeps_for_itself_does_not(
    connected: Reads,
):
    kinds = (("rot", "G13", "frei"), ("blau", "E27", "gesperrt"))
    lines = [
        f"{n};Leuchte {n};19,90;401000000{n:04};{colour};{socket};{n * 7};{state}"
        for n in range(ROWS)
        for colour, socket, state in kinds[n % 2 : n % 2 + 1]
    ]
    header = "Artikelnummer;Kurzbez.;Brutto-VK;EAN;Farbe;Sockel;Umsatz;Freigabestatus"
    _, rows = connected("\n".join([header, *lines]) + "\n")

    assert rows["1"]["price"] == 19.9
    assert rows["1"]["attributes"] == {"EAN": "4010000000001", "Farbe": "blau", "Sockel": "E27"}


def test_names_of_columns_in_camel_case(connected: Reads):
    _, rows = connected("productId,productName,unitPrice,stockQuantity,imageUrl\n7,Mug,5.50,3,m.jpg\n")

    mug = rows["7"]
    assert (mug["title"], mug["price"], mug["in_stock"], mug["image_uris"]) == ("Mug", 5.5, True, ["m.jpg"])


def test_of_several_ids_the_one_that_names_each_row_is_taken(connected: Reads):
    _, rows = connected("sku,id,name,price\n,1,Mug,5\nA,2,Cup,6\nA,3,Jug,7\n")

    assert set(rows) == {"1", "2", "3"}


@pytest.mark.parametrize(
    ("content", "ids"),
    [
        pytest.param("barcode,name\n401,Mug\n402,Cup\n", {"401", "402"}, id="a barcode"),
        pytest.param("barcode,name\n401,Mug\n,Cup\n", {"401", "Cup"}, id="a barcode, else the name"),
        pytest.param("name,price\nMug,5\nCup,6\n", {"Mug", "Cup"}, id="the name"),
        pytest.param(
            "name,pack size,price\nRice,1 kg,5\nRice,5 kg,6\n", {"Rice 1 kg", "Rice 5 kg"}, id="name and size"
        ),
    ],
)  # fmt: skip
def test_a_shop_without_a_column_of_ids_has_ids_all_the_same(connected: Reads, content: str, ids: set[str]):
    _, rows = connected(content)

    assert set(rows) == ids


def test_names_alone_are_no_products_and_the_message_says_what_is_missing(tmp_path: Path):
    file = tmp_path / "customers.csv"
    file.write_text("name,email\nAda,a@x.example\n")

    with pytest.raises(SourceError, match="no column whose name says that it holds the product's id"):
        connect([file])


SHOPIFY = "Handle,Title,Published,Option1 Name,Option1 Value,Variant SKU,Variant Price,Variant Barcode\n"


def test_numbers_of_a_shopify_variant_are_kept_where_they_are_not_its_id(connected: Reads):
    _, rows = connected(
        f"{SHOPIFY}mug,Mug,true,Size,S,'0077,5,'401\nmug,,,Size,L,,7,402\nold,Old mug,false,Size,S,79,5,403\n"
    )

    assert set(rows) == {"mug:S", "mug:L"}, "what is not published is left out"
    assert rows["mug:S"]["attributes"] == {"Size": "S", "sku": "0077", "barcode": "401"}
    assert rows["mug:L"]["attributes"] == {"Size": "L", "barcode": "402"}


def test_the_gtin_of_woocommerce(connected: Reads):
    _, rows = connected('ID,Type,SKU,Name,Regular price,"GTIN, UPC, EAN, or ISBN"\n1,simple,M,Mug,5,401\n')

    assert rows["M"]["attributes"] == {"gtin": "401"}
