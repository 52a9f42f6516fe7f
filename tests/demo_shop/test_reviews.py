"""Reviews with real differences: by product, language, length and use."""

from collections import defaultdict
from statistics import mean

import pytest

from mmsearch_dagster.demo_shop.catalogue import Item
from mmsearch_dagster.demo_shop.reviews import REVIEW_FIELDS, make_reviews, quality_of
from mmsearch_dagster.demo_shop.spec import StoreSpec

Rows = list[dict[str, str]]


@pytest.fixture(scope="module")
def reviews(spec: StoreSpec, items: tuple[Item, ...]) -> Rows:
    return make_reviews(spec, items)


def _chinese(text: str) -> bool:
    return any("\u4e00" <= letter <= "\u9fff" for letter in text)


def test_there_are_as_many_as_asked_for_in_order_of_time(spec: StoreSpec, reviews: Rows) -> None:
    assert len(reviews) == spec.reviews.count == len({row["review_id"] for row in reviews})
    assert all(tuple(row) == REVIEW_FIELDS for row in reviews)
    moments = [row["timestamp"] for row in reviews]
    assert moments == sorted(moments)
    assert moments[-1] < spec.now.strftime("%Y-%m-%dT%H:%M:%SZ")


def test_each_product_has_a_quality_of_its_own(
    spec: StoreSpec, items: tuple[Item, ...], reviews: Rows
) -> None:
    ratings: dict[str, list[int]] = defaultdict(list)
    for row in reviews:
        ratings[row["product_id"]].append(int(row["rating"]))
    assert {each for own in ratings.values() for each in own} == {1, 2, 3, 4, 5}
    by_quality = sorted((quality_of(spec, item), ratings[item.product_id]) for item in items)
    worst = [rating for _, own in by_quality[:150] for rating in own]
    best = [rating for _, own in by_quality[-150:] for rating in own]
    assert mean(best) > mean(worst) + 0.8


def test_some_are_chinese_some_empty_some_useless(spec: StoreSpec, reviews: Rows) -> None:
    texts = [row["text"] for row in reviews]
    assert sum(map(_chinese, texts)) / len(texts) == pytest.approx(spec.reviews.chinese, abs=0.05)
    assert sum(not text for text in texts) / len(texts) == pytest.approx(spec.reviews.empty, abs=0.04)
    assert sum(0 < len(text) < 8 and not _chinese(text) for text in texts) > 20
    assert max(map(len, texts)) > 150
    assert not any("{" in text for text in texts)


def test_a_shop_without_products_has_no_reviews(spec: StoreSpec) -> None:
    assert make_reviews(spec, []) == []
