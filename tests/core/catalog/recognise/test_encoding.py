"""The encoding of a text that is no UTF-8, by its letters."""

import pytest

from mmsearch_dagster.core.catalog.recognise.encoding import encodings_of, wider


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp1252", "sku,name\n1,Café crème\n2,Größe M\n3,12 € – “Fancy” O’Neill\n"),
        ("cp1252", "1,naïve piñata n°5, 5 cm² ½ Liter ¿Qué? Œuf, cœur, Smørrebrød™"),
        ("cp1252", "id;price\n1;5 €\n"),
        ("cp1250", "sku,name\n1,Żółty kubek\n"),
        ("cp1250", "Příliš žluťoučký kůň"),
        ("cp1251", "артикул;название\n1;Чашка «Утро» № 5\n"),
        ("mac_roman", "sku,name\n1,Café crème\n2,Größe\n"),
        ("gb2312", "商品编号,商品名称\n1,杯子\n2,红色连衣裙\n3,T恤\n"),
        ("shift_jis", "sku,name\n1,マグカップ\n"),
        ("big5", "商品編號,商品名稱\n1,杯子\n"),
    ],
)
def test_it_is_the_one_in_which_the_letters_are_words(encoding: str, text: str) -> None:
    assert encodings_of(text.encode(encoding)) == [encoding]


def test_a_letter_that_is_cut_at_the_end_means_nothing() -> None:
    assert encodings_of("1,マグカップ".encode("shift_jis")[:-1]) == ["shift_jis"]


@pytest.mark.parametrize(
    ("encoding", "codec", "text"),
    [
        (
            "gb2312",
            "gb18030",
            "名称,价格\n《奥德赛》（中文）：全新ps4光盘，手杖与袖柺,￥54.00\n"
            + "红色连衣裙【现货】,20\n" * 5,
        ),
        (
            "shift_jis",
            "cp932",
            "商品名,価格\n髙島屋のマグカップ（赤）,100\n" + "コーヒー豆のセットです,200\n" * 5,
        ),
    ],
)
def test_rare_letters_and_signs_without_blanks_do_not_hide_it(encoding: str, codec: str, text: str) -> None:
    assert encodings_of(text.encode(codec)) == [encoding]
    assert wider(encoding) == codec


def test_where_two_fit_both_are_named() -> None:
    assert encodings_of("1,머그컵\n2,빨간 원피스\n".encode("euc_kr")) == ["gb2312", "euc_kr"]


def test_bytes_that_are_words_in_none_have_none() -> None:
    assert encodings_of(bytes(range(128, 256)) * 4) == []
