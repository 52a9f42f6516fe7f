"""One kind of export from its file to the answers: connected, run, searched, without a line by hand."""

from pathlib import Path

import pytest

from mmsearch_dagster.adapters.sources.connect import as_yaml, connect
from mmsearch_dagster.core.retrieval.query import Query
from tests.exports.shops import SHOPS, write_shop
from tests.homes import Place

pytestmark = pytest.mark.slow


def test_an_export_of_magento_ends_in_a_release_that_finds_its_products(
    tmp_path: Path, assets: Path, encoders: Path
) -> None:
    export, goods = write_shop(SHOPS["magento"], 30, tmp_path / "shop", "")
    source = export.with_name("source.yaml")
    source.write_text(as_yaml(connect([export]), "made", source), encoding="utf-8")
    place = Place(tmp_path / "home", source, assets)
    place.home.mkdir()
    place.paths.encoder_cache.symlink_to(encoders)

    assert place.run() == 0
    engine = place.released.engine()

    sold = {variant.sku: product for product in goods for variant in product.variants}
    product = goods[19]
    (first, *_) = engine.search(Query(text=product.variants[-1].sku), k=5).hits
    assert first.product_id == product.variants[-1].sku, "in front stands the variant that was asked for"
    hits = engine.search(Query(text="red skirt"), k=5).hits
    assert "skirt" in {sold[hit.product_id].kind for hit in hits[:2]}
    shown = [sold[hit.product_id].number for hit in engine.search(Query(text="leather sandals"), k=5).hits]
    assert len(shown) == len(set(shown)) > 0, "a product is shown once, not each of its variants"
