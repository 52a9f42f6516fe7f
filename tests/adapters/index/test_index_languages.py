"""Chinese, Japanese and Latin words find their products in one full-text index."""

from pathlib import Path

import polars as pl
import pytest

from mmsearch_dagster.adapters.index.index import SearchIndex
from mmsearch_dagster.adapters.index.table import PinnedTable

PRODUCTS = {
    "zh-shoe": "男士红色运动鞋 透气 轻便",
    "zh-dress": "红色连衣裙 碎花",
    "zh-mug": "蓝色条纹马克杯 陶瓷",
    "zh-laptop": "轻薄笔记本电脑 办公",
    "ja-shoe": "赤いスニーカー メンズ 軽量",
    "ja-mug": "青いマグカップ 陶器",
    "ja-bag": "革のハンドバッグ レディース",
    "en-shoe": "red running shoes for men",
    "en-mug": "blue striped mug, ceramic",
    "de-mug": "blaue Tasse aus Porzellan, groß",
    "mixed-shoe": "Nordvik 红色运动鞋 sneakers size 42",
    "mixed-mug": "Aurora T恤 纯棉 white",
    "zh-words": "想要的礼物 一双就够 请买",
}


@pytest.fixture(scope="module")
def pinned(tmp_path_factory: pytest.TempPathFactory) -> PinnedTable:
    rows = pl.DataFrame(
        {"product_id": list(PRODUCTS), "title": list(PRODUCTS.values())}
        | {"search_text": list(PRODUCTS.values())}
    )
    index = SearchIndex(str(Path(tmp_path_factory.mktemp("index"))))
    index.publish("words", "release-1", rows, vector_column=None)
    return index.open("words", "release-1")


def found(pinned: PinnedTable, text: str) -> list[str]:
    return [hit.product_id for hit in pinned.lexical(text, 20)]


@pytest.mark.parametrize(
    ("asked", "first"),
    [
        ("红色运动鞋", {"zh-shoe", "mixed-shoe"}),
        ("运动鞋", {"zh-shoe", "mixed-shoe"}),
        ("连衣裙", {"zh-dress"}),
        ("马克杯", {"zh-mug"}),
        ("蓝色马克杯", {"zh-mug"}),
        ("笔记本电脑", {"zh-laptop"}),
        ("スニーカー", {"ja-shoe"}),
        ("赤いスニーカー", {"ja-shoe"}),
        ("マグカップ", {"ja-mug"}),
        ("ﾊﾝﾄﾞﾊﾞｯｸﾞ", {"ja-bag"}),
        ("革のハンドバッグ", {"ja-bag"}),
        ("running shoe", {"en-shoe"}),
        ("GROSS TASSE", {"de-mug"}),
        ("Nordvik 运动鞋", {"mixed-shoe"}),
        ("sneakers 红色", {"mixed-shoe"}),
        ("T恤", {"mixed-mug"}),
        ("Ｔ恤 Aurora", {"mixed-mug"}),
    ],
)
def test_words_find_their_products(pinned: PinnedTable, asked: str, first: set[str]) -> None:
    from mmsearch_dagster.core.text.preparation import query_text

    assert set(found(pinned, query_text(asked))[: len(first)]) == first


@pytest.mark.parametrize("asked", ["我想要一双红色的运动鞋", "请帮我找一双红色的运动鞋", "有没有红色运动鞋"])
def test_a_request_in_whole_sentences_finds_what_it_is_about(pinned: PinnedTable, asked: str) -> None:
    assert set(found(pinned, asked)[:2]) == {"zh-shoe", "mixed-shoe"}
    assert "zh-words" not in found(pinned, asked)


def test_a_word_of_a_request_alone_is_still_searched_for(pinned: PinnedTable) -> None:
    assert found(pinned, "想要") == ["zh-words"]


@pytest.mark.parametrize("asked", ["冰箱", "冷蔵庫", "fridge"])
def test_what_is_not_there_is_not_found(pinned: PinnedTable, asked: str) -> None:
    assert found(pinned, asked) == []
