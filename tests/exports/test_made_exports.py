"""The made exports of each shop system, connected and read: every variant as its shop sells it."""

from pathlib import Path

import pytest

from mmsearch_dagster.adapters.sources import load_source, read_table
from mmsearch_dagster.adapters.sources.connect import as_yaml, connect
from mmsearch_dagster.core.catalog.contract import separate_broken_rows
from tests.exports.goods import make_goods
from tests.exports.shops import SHOPS

pytestmark = pytest.mark.slow

BASE = "https://cdn.example.com/media/"


@pytest.mark.parametrize("name", SHOPS)
def test_every_variant_is_read_with_its_own_price_picture_and_stock(name: str, tmp_path: Path) -> None:
    shop, out = SHOPS[name], tmp_path / "source.yaml"
    goods = make_goods(shop.kinds, 45)
    (tmp_path / shop.file).write_text(shop.write(goods, BASE), encoding="utf-8", newline="")
    out.write_text(as_yaml(connect([tmp_path / shop.file]), "s", out), encoding="utf-8")

    rows = separate_broken_rows(read_table(load_source(out), "products", lambda ids: ids))

    # Feeds hold only what is sold; the others mark number 39 as a draft, or switch it off.
    hidden = {39} if name in ("shopify", "woocommerce", "magento") else set()
    shown = [product for product in goods if product.number not in hidden]
    sold = {one.sku: (product, one) for product in shown for one in product.variants}
    assert rows.quarantined.is_empty()
    assert set(rows.good["product_id"]) == set(sold)
    parents: dict[str, set[int]] = {}
    for row in rows.good.to_dicts():
        product, variant = sold[row["product_id"]]
        always = name == "shopify" and product.number % 9 == 0  # goes on selling without stock
        assert row["price"] == pytest.approx(variant.sale_price or variant.price)
        assert row["in_stock"] == (variant.stock > 0 or always)
        assert [uri.rpartition("/")[2] for uri in row["image_uris"]] == [variant.picture]
        assert product.title in row["title"]
        assert row["category"].endswith(" > ".join(product.levels))
        parents.setdefault(row["parent_id"] or row["product_id"], set()).add(product.number)
    assert len(parents) == len(shown)
    assert all(len(numbers) == 1 for numbers in parents.values())


def test_pictures_are_looked_for_where_magento_keeps_them(tmp_path: Path) -> None:
    shop, goods = SHOPS["magento"], make_goods(SHOPS["magento"].kinds, 2)
    (tmp_path / shop.file).write_text(shop.write(goods, BASE), encoding="utf-8")
    picture = goods[0].variants[0].picture
    file = tmp_path / "pub" / "media" / "catalog" / "product" / picture[0] / picture[1] / picture
    file.parent.mkdir(parents=True)
    file.write_bytes(b"jpeg")
    out = tmp_path / "source.yaml"
    out.write_text(as_yaml(connect([tmp_path / shop.file]), "s", out), encoding="utf-8")
    source = load_source(out)
    (uri,) = read_table(source, "products", lambda ids: ids).frame["image_uris"][0]
    assert source.media(uri) == file
