"""Values as shops write them: amounts, times, stock, categories, attributes, names of files."""

import datetime as dt

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmsearch_dagster.core.catalog.casting.amounts import as_amount, currency_in, decimal_sign
from mmsearch_dagster.core.catalog.casting.attributes import attribute_pairs
from mmsearch_dagster.core.catalog.casting.categories import (
    CategorySigns,
    as_category,
    category_separator,
    shared_root,
)
from mmsearch_dagster.core.catalog.casting.instants import as_instant, day_order
from mmsearch_dagster.core.catalog.casting.uris import as_uris, below
from mmsearch_dagster.core.catalog.casting.yes_no import as_yes_no

TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=30)


def amounts(*texts: str) -> list[float | None]:
    column = pl.Series("a", texts)
    sign, open_value = decimal_sign(column)
    assert open_value is None, open_value
    return column.to_frame().select(as_amount(pl.col("a"), sign)).to_series().to_list()


class TestAmounts:
    @pytest.mark.parametrize(
        ("texts", "read"),
        [
            (["2.499,00 €", "19,95", "2.499", "2 499,00"], [2499.0, 19.95, 2499.0, 2499.0]),
            (["$2,499.00", "$19.95", "2499.00 USD", "2,499"], [2499.0, 19.95, 2499.0, 2499.0]),
            (["EUR 1.000.000", "7,5"], [1e6, 7.5]),
            (["1'250.00", "CHF 1\u2019250.50", "3.-"], [1250.0, 1250.5, 3.0]),
            (["1\u202f250,00\u00a0€", "1250"], [1250.0, 1250.0]),
            (["₹1,29,900.00", "₹999.00"], [129900.0, 999.0]),
            (["R$ 3.450,90", "R$ 12"], [3450.9, 12.0]),
            (["12,- €", "kr 1 250,00", "12,50 kr."], [12.0, 1250.0, 12.5]),
            (["$1,299", "$899"], [1299.0, 899.0]),
            (["£5", "5.5 GBP", "GBP5.25", "-3.10"], [5.0, 5.5, 5.25, -3.1]),
            (["0.125", "0.5"], [0.125, 0.5]),
            (["1e3", "2.5"], [1000.0, 2.5]),
            (["free", "12.50", "12 13", "1.2.3", "20 %", ""], [None, 12.5, None, None, None, None]),
            (["from 9,99", "ab 1.299,00 €", "desde 5,00"], [9.99, 1299.0, 5.0]),
            (["10-20", "€10.50 – €20.00", "2024-01", "5-"], [10.0, 10.5, None, None]),
            (["9,99 € *", "9,99 € inkl. 19 % MwSt.", "9,99 TTC"], [9.99, 9.99, 9.99]),
            (["1.299,–", "899,–"], [1299.0, 899.0]),
            (["１２９９", "12.50"], [1299.0, 12.5]),
            (["\\N", "NULL", "#N/A", "2.50"], [None, None, None, 2.5]),
        ],
    )
    def test_the_column_tells_how_it_is_written(self, texts: list[str], read: list[float | None]):
        assert amounts(*texts) == read

    def test_values_of_both_ways_of_writing_each_tell_their_own(self):
        assert amounts("1,299.00", "12,99", "1.299,00") == [1299.0, 12.99, 1299.0]

    @pytest.mark.parametrize(
        "texts", [["1.299"], ["2,499", "12"], ["1.299", "1,5", "2.5"], ["€ 1.299", "€ 12"]]
    )
    def test_what_no_row_tells_is_open(self, texts: list[str]):
        assert decimal_sign(pl.Series(texts))[1] in texts

    def test_a_sign_that_is_given_is_kept_to(self):
        frame = pl.DataFrame({"a": ["12.99", "12,99"]})
        assert frame.select(as_amount(pl.col("a"), ","))["a"].to_list() == [None, 12.99]

    @pytest.mark.parametrize(
        ("text", "code"),
        [
            ("$5", "USD"),
            ("A$ 5", "AUD"),
            ("5 €", "EUR"),
            ("5,00 EUR", "EUR"),
            ("$12 CAD", "CAD"),
            ("CAD $12", "CAD"),
            ("US $12", "USD"),
            ("£5", "GBP"),
            ("5 zł", "PLN"),
            ("¥5", None),
            ("5 kr", None),
            ("5", None),
        ],
    )
    def test_the_currency_beside_an_amount(self, text: str, code: str | None):
        assert pl.select(currency_in(pl.lit(text))).item() == code

    @given(st.floats(min_value=0, max_value=1e9).map(lambda value: round(value, 2)), st.sampled_from(".,"))
    def test_no_amount_changes_its_value(self, value: float, sign: str):
        american = f"{value:,.2f}"
        text = american if sign == "." else american.translate(str.maketrans(",.", ".,"))
        assert amounts(text, "0.10" if sign == "." else "0,10")[0] == pytest.approx(value)

    @given(st.lists(TEXT, max_size=4))
    def test_no_text_breaks_the_reading(self, texts: list[str]):
        sign, _ = decimal_sign(pl.Series(texts, dtype=pl.String))
        pl.DataFrame({"a": texts}, schema={"a": pl.String}).select(as_amount(pl.col("a"), sign))


def instant(text: str, **options: str) -> dt.datetime | None:
    return pl.select(as_instant(pl.lit(text), pl.String(), **options)).item()


class TestInstants:
    @pytest.mark.parametrize(
        ("text", "read"),
        [
            ("20240207", "2024-02-07T00:00"),
            ("20240207134500", "2024-02-07T13:45"),
            ("20240207T134500", "2024-02-07T13:45"),
            ("45329", "2024-02-07T00:00"),
            ("45329.5", "2024-02-07T12:00"),
            ("2024-02-07 13:45:00 UTC", "2024-02-07T13:45"),
            ("2024-02-07 13:45 GMT", "2024-02-07T13:45"),
            ("2024-02-07T13:45:00.000+00:00[UTC]", "2024-02-07T13:45"),
            ("2024-02-07T14:45:00+01:00[Europe/Paris]", "2024-02-07T13:45"),
            ("2024-02-07T13:45:00Z[UTC]", "2024-02-07T13:45"),
            ("2024/02/07", "2024-02-07T00:00"),
            ("2024-02-07 14:45:00 +0100", "2024-02-07T13:45"),
            ("2024.02.07 13:45", "2024-02-07T13:45"),
            ("2024-2-7", "2024-02-07T00:00"),
            ("2024-02-07 13:45:00,000", "2024-02-07T13:45"),
            ("1707313500", "2024-02-07T13:45"),
            ("Feb 7 2024", "2024-02-07T00:00"),
            ("7 February 2024", "2024-02-07T00:00"),
            ("February 7th, 2024 13:45", "2024-02-07T13:45"),
            ("07-Feb-2024", "2024-02-07T00:00"),
            ("07-Feb-24", "2024-02-07T00:00"),
            ("07-FEB-99", "1999-02-07T00:00"),
            ("7.2.2024", "2024-02-07T00:00"),
            ("07.02.2024, 13:45 Uhr", "2024-02-07T13:45"),
            ("7. Februar 2024", "2024-02-07T00:00"),
            ("3. März 2024", "2024-03-03T00:00"),
            ("3 août 2024 13:45", "2024-08-03T13:45"),
            ("7 de mayo de 2024", "2024-05-07T00:00"),
            ("2024年2月7日", "2024-02-07T00:00"),
            ("Feb 7, 2024 1:45 PM", "2024-02-07T13:45"),
            ("20240207T134500Z", "2024-02-07T13:45"),
            ("/Date(1707313500000)/", "2024-02-07T13:45"),
            ("Wed, 07 Feb 2024 14:45:00 +0100", "2024-02-07T13:45"),
            ("Wed Feb 07 2024 08:45:00 GMT-0500 (Eastern Standard Time)", "2024-02-07T13:45"),
        ],
    )
    def test_a_time_that_can_be_only_one_time(self, text: str, read: str):
        assert instant(text) == dt.datetime.fromisoformat(read).replace(tzinfo=dt.UTC)

    @pytest.mark.parametrize(
        "text",
        ["07/02/2024", "07/02/24", "24-02-07", "Foo 7 2024", "mars 2024", "202402", "12", "99999999",
         "2024-13-01", "31.02.2024", "0000-00-00 00:00:00", "5000000"],
    )  # fmt: skip
    def test_what_could_be_two_times_or_none_is_no_time(self, text: str):
        assert instant(text) is None

    @pytest.mark.parametrize(
        ("times", "form"),
        [
            (["01/02/2024", "13/02/2024"], "%d/%m/%Y"),
            (["01/02/2024 10:00", None, "02/13/2024 11:00"], "%m/%d/%Y %H:%M"),
            (["1.2.2024", "31.12.2024"], "%d.%m.%Y"),
            (["01/02/2024", "03/04/2024"], None),
            (["13/02/2024", "02/13/2024"], None),
            (["13/02/2024", "2024-01-01", "0000-00-00"], "%d/%m/%Y"),
            (["2/13/2024 10:00 AM", "2/1/2024 3:04 PM"], "%m/%d/%Y %I:%M %p"),
            ([], None),
        ],
    )
    def test_one_late_day_tells_the_order_of_a_whole_column(self, times: list[str], form: str | None):
        assert day_order(pl.Series(times, dtype=pl.String)) == form

    def test_a_format_says_how_a_day_and_a_month_stand(self):
        assert instant("07/02/2024", form="%d/%m/%Y") == dt.datetime(2024, 2, 7, tzinfo=dt.UTC)
        assert instant("Feb 7 2024 1:45 PM", form="%b %d %Y %I:%M %p") == dt.datetime(
            2024, 2, 7, 13, 45, tzinfo=dt.UTC
        )
        assert instant("02/13/2024", form="%d/%m/%Y") is None
        assert instant("2024-02-07", form="%d/%m/%Y") == dt.datetime(2024, 2, 7, tzinfo=dt.UTC)

    def test_a_time_without_a_zone_is_in_the_zone_of_the_mapping(self):
        assert instant("2024-07-01 12:00", zone="Europe/Berlin") == dt.datetime(2024, 7, 1, 10, tzinfo=dt.UTC)
        assert instant("2024-07-01 12:00Z", zone="Europe/Berlin") == dt.datetime(
            2024, 7, 1, 12, tzinfo=dt.UTC
        )
        assert instant("2024-07-01 12:00 UTC", zone="Asia/Tokyo") == dt.datetime(
            2024, 7, 1, 12, tzinfo=dt.UTC
        )

    @given(TEXT)
    def test_no_text_breaks_the_reading(self, text: str):
        instant(text)


class TestYesAndNo:
    @pytest.mark.parametrize(
        "text",
        ["in stock", "In Stock", "instock", "in_stock", "https://schema.org/InStock", "available", "7", "7.0",
         "12 in stock", "onbackorder", "preorder", "10+", "1,200", "auf Lager", "有货",
         "Limited Availability", "3 pcs", "In stock (12)", "wahr", "VERDADERO", "vrai", "mehr als 10",
         "nur noch 3", "Only 2 left in stock", "En stock : 12", "12 pièces", "3,5 m", "1 200", "5件",
         "Lieferzeit 3-5 Tage", "库存充足", "✓"],
    )  # fmt: skip
    def test_what_can_be_bought(self, text: str):
        assert pl.select(as_yes_no(pl.lit(text))).item() is True

    @pytest.mark.parametrize(
        "text",
        ["out of stock", "OutOfStock", "out-of-stock", "http://schema.org/SoldOut", "sold out", "0", "0.0",
         "-2", "ausverkauft", "rupture de stock", "discontinued", "0 in stock", "Out of stock until May",
         "falsch", "faux", "plus en stock", "Sin existencias", "In stock (0)", "auf Lager: 0", "0件",
         "暂时缺货"],
    )  # fmt: skip
    def test_what_cannot_be_bought(self, text: str):
        assert pl.select(as_yes_no(pl.lit(text))).item() is False

    @pytest.mark.parametrize("text", ["maybe", "in 3 days", "ask us", "stock", "nan", "x", "< 5"])
    def test_other_words_are_neither(self, text: str):
        assert pl.select(as_yes_no(pl.lit(text))).item() is None


def categories(*texts: str, root: str | None = None) -> list[str | None]:
    column = pl.Series("c", texts)
    signs = CategorySigns(category_separator(column), root=root)
    return column.to_frame().select(as_category(pl.col("c"), pl.String(), signs)).to_series().to_list()


class TestCategories:
    @pytest.mark.parametrize(
        ("text", "path"),
        [
            ("Home>Lamps", "Home > Lamps"),
            ("Home &gt; Lamps", "Home > Lamps"),
            ("Home &amp;gt; Lamps &amp; Light", "Home > Lamps & Light"),
            ("Home » Lamps", "Home > Lamps"),
            ("Home -> Lamps => Desk", "Home > Lamps > Desk"),
            ("Home  >  Lamps > ", "Home > Lamps"),
            ("Home > Lamps, Sale > Lamps", "Home > Lamps | Sale > Lamps"),
            ("Home, Home > Lamps", "Home | Home > Lamps"),
            ("Home, Garden & Tools > Lamps", "Home, Garden & Tools > Lamps"),
            ("Home > Lamps|Sale", "Home > Lamps | Sale"),
            ("Home > Lamps | Sale > Lamps", "Home > Lamps | Sale > Lamps"),
            ('["Home > Lamps", "Sale"]', "Home > Lamps | Sale"),
            ("Default Category/Home/Lamps", "Default Category > Home > Lamps"),
            ("TV/Video > Players", "TV/Video > Players"),
            ("Bags, Cases", "Bags, Cases"),
            ("['Home > Lamps', 'Sale']", "Home > Lamps | Sale"),
            ("Home\u00a0>\u00a0Lamps\u200b", "Home > Lamps"),
            ("Home＞Lamps", "Home > Lamps"),
            ("NULL", None),
            ("nan", None),
            (" > ", None),
        ],
    )
    def test_signs_of_a_path_become_one(self, text: str, path: str | None):
        assert categories(text, "Other > Things")[0] == path

    def test_a_column_of_slashes_is_a_column_of_paths(self):
        assert categories("Shop/Home/Lamps,Shop/New", "Shop/Home", "Shop/Toys") == [
            "Shop > Home > Lamps | Shop > New",
            "Shop > Home",
            "Shop > Toys",
        ]

    def test_a_slash_in_a_few_names_is_part_of_the_name(self):
        assert categories("TV/Video", "Phones", "Lamps") == ["TV/Video", "Phones", "Lamps"]

    @pytest.mark.parametrize(
        ("texts", "root"),
        [
            (["Default Category/Gear", "Default Category/Gear/Bags"], "Default Category"),
            (["Home > Lamps", "Home > Mugs"], "Home"),
            (["Home > Lamps", "Home"], None),
            (["Home > Lamps", "Toys > Balls"], None),
            (["Lamps", "Mugs"], None),
        ],
    )
    def test_a_first_level_that_all_paths_have(self, texts: list[str], root: str | None):
        assert shared_root(pl.Series(texts)) == root

    def test_a_root_that_says_nothing_is_left_out(self):
        assert categories("Root/Gear,Root/Gear/Bags", "Root", "Toys/Root", root="Root") == [
            "Gear | Gear > Bags",
            None,
            "Toys > Root",
        ]

    @given(TEXT.filter(lambda text: "/" not in text))
    def test_reading_twice_changes_nothing(self, text: str):
        (once,) = categories(text)
        if once is not None:
            assert categories(once) == [once]


class TestAttributes:
    @pytest.mark.parametrize(
        ("text", "pairs"),
        [
            ("fit=Slim|Long,fabric=Wool", {"fit": "Slim|Long", "fabric": "Wool"}),
            ("fit=Slim, fabric=Wool, Cotton", {"fit": "Slim", "fabric": "Wool, Cotton"}),
            ("Fit: Slim; Fabric: Wool", {"Fit": "Slim", "Fabric": "Wool"}),
            ("Fit:Slim|Fabric:Wool", {"Fit": "Slim", "Fabric": "Wool"}),
            ("fit=Slim\nfabric=Wool", {"fit": "Slim", "fabric": "Wool"}),
            ('fit="Slim",fabric=', {"fit": "Slim"}),
            ('{"fit": "Slim", "sizes": [1, 2], "x": null}', {"fit": "Slim", "sizes": "[1, 2]"}),
            ("fit=Slim&fabric=Wool", {"fit": "Slim", "fabric": "Wool"}),
            ("{'fit': 'Slim', 'size': 4}", {"fit": "Slim", "size": "4"}),
            ("just words", None),
            ("", None),
            ('{"fit": ', None),
        ],
    )
    def test_pairs_are_read_by_the_sign_that_parts_most(self, text: str, pairs: dict[str, str] | None):
        assert attribute_pairs(text) == pairs

    def test_signs_can_be_given(self):
        assert attribute_pairs("a->1/b->2", "/", "->") == {"a": "1", "b": "2"}

    @given(TEXT)
    def test_no_text_breaks_the_reading(self, text: str):
        attribute_pairs(text)


def uris(text: str, base: str | None = None) -> list[str] | None:
    listed = as_uris(pl.lit(text), pl.String(), "|").list.eval(below(pl.element(), base))
    return pl.select(listed).to_series().to_list()[0]


class TestFileNames:
    @pytest.mark.parametrize(
        ("text", "names"),
        [
            ("a.jpg|b.jpg", ["a.jpg", "b.jpg"]),
            ("a.jpg, b.png", ["a.jpg", "b.png"]),
            ("red, large.jpg", ["red, large.jpg"]),
            ("https://x.org/a.jpg, https://x.org/b", ["https://x.org/a.jpg", "https://x.org/b"]),
            ('["a.jpg", "b.jpg"]', ["a.jpg", "b.jpg"]),
            ("/m/a/mug.jpg", ["m/a/mug.jpg"]),
            ("\\m\\mug.jpg", ["m\\mug.jpg"]),
            ("/a.jpg;/b.jpg", ["a.jpg", "b.jpg"]),
            ("//cdn.org/a.jpg", ["//cdn.org/a.jpg"]),
            ("https://x.org/a,b.jpg", ["https://x.org/a,b.jpg"]),
            ("https://x.org/a.jpg?w=1,h=2, //x.org/b", ["https://x.org/a.jpg?w=1,h=2", "//x.org/b"]),
            ("https://x.org/a b.jpg https://x.org/b.jpg", ["https://x.org/a b.jpg", "https://x.org/b.jpg"]),
            ("https://x.org/a.jpg::https://x.org/b.jpg", ["https://x.org/a.jpg", "https://x.org/b.jpg"]),
            ("http:\\\\x.org\\a.jpg", ["http://x.org/a.jpg"]),
            ("no_selection", None),
            ("\\N", None),
            ("cafe\u0301.jpg", ["cafe\u0301.jpg"]),
        ],
    )
    def test_lists_and_root_relative_names(self, text: str, names: list[str] | None):
        assert uris(text) == names

    @pytest.mark.parametrize(
        ("text", "name"),
        [
            ("/m/mug.jpg", "media/m/mug.jpg"),
            ("m/mug.jpg", "media/m/mug.jpg"),
            ("https://x.org/a", "https://x.org/a"),
        ],
    )
    def test_a_base_stands_before_names_without_a_scheme(self, text: str, name: str):
        assert uris(text, "media/") == [name]
