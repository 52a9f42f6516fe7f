"""The five kinds of export, each of a shop of its own."""

from dataclasses import dataclass
from pathlib import Path

from tests.exports import shop_systems
from tests.exports.goods import Goods, draw, make_goods
from tests.exports.shop_systems import Export


@dataclass(frozen=True)
class MadeShop:
    """kinds: of goods. local: its pictures lie beside the export, below `media`, not at an address."""

    name: str
    file: str
    write: Export
    kinds: tuple[str, ...]
    local: bool = False


SHOPS = {
    shop.name: shop
    for shop in (
        MadeShop(
            "shopify", "products_export.csv", shop_systems.shopify,
            ("t_shirt", "shirt", "hoodie", "jacket", "trousers", "dress", "sneakers", "boots"),
        ),
        MadeShop(
            "woocommerce", "wc-product-export.csv", shop_systems.woocommerce,
            ("mug", "teapot", "frying_pan", "bottle", "plate", "bowl", "lamp", "chair", "cushion"),
        ),
        MadeShop(
            "merchant_tsv", "feed.tsv", shop_systems.merchant_tsv,
            ("backpack", "handbag", "tote_bag", "suitcase", "umbrella", "watch", "scarf", "cap"),
        ),
        MadeShop(
            "merchant_xml", "feed.xml", shop_systems.merchant_xml,
            ("headphones", "phone", "phone_case", "laptop", "camera", "watch", "lamp"),
        ),
        MadeShop(
            "magento", "catalog_product.csv", shop_systems.magento,
            ("skirt", "shorts", "socks", "sandals", "high_heels", "cap", "scarf", "handbag"), local=True,
        ),
        MadeShop(
            "json_ld", "products.jsonld", shop_systems.json_ld,
            ("teddy_bear", "toy_car", "ball", "rubber_duck", "kite", "bottle", "backpack"),
        ),
    )
}  # fmt: skip


def write_shop(shop: MadeShop, count: int, folder: Path, base: str) -> tuple[Path, list[Goods]]:
    """Writes the export and draws the pictures into `folder/media`.

    Args:
        shop: which one.
        count: how many products.
        folder: where to.
        base: the address that `folder/media/` is served at.

    Returns:
        The export, and the truth.
    """
    goods = make_goods(shop.kinds, count)
    folder.mkdir(parents=True, exist_ok=True)
    draw(goods, folder / "media")
    if shop.local:
        _as_magento_keeps_them(folder)
    export = folder / shop.file
    export.write_text(shop.write(goods, base), encoding="utf-8", newline="")
    return export, goods


def _as_magento_keeps_them(folder: Path) -> None:
    """Below `pub/media/catalog/product`, two folders deep by the first letters."""
    for picture in (folder / "media").glob("*.jpg"):
        target = folder / "pub" / "media" / "catalog" / "product" / picture.name[0] / picture.name[1]
        target.mkdir(parents=True, exist_ok=True)
        picture.rename(target / picture.name)
