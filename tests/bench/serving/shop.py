"""A shop of any size as both services read it: a release with a learned order, and plain arrays.

A thousand titles and some pictures are really encoded; the other vectors are theirs with noise, for what a
search costs does not depend on what the numbers say.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from mmsearch_dagster.adapters.index.index import SearchIndex
from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.encoders.protocol import Content, Encoder, EncoderSpec
from mmsearch_dagster.core.fusion.config import FusionSpec
from mmsearch_dagster.core.fusion.model import TwoTower, save_model
from mmsearch_dagster.core.modalities import IMAGE, TEXT, Matrix, ModalityBatch
from mmsearch_dagster.core.ranking.features import feature_rows
from mmsearch_dagster.core.ranking.items import item_terms
from mmsearch_dagster.core.ranking.rankers.stage import RANKING_FOLDER, TRAINERS, RankingStage
from mmsearch_dagster.core.ranking.statistics import TermStatistics, statistics_of
from mmsearch_dagster.core.ranking.training_set import TrainingSet
from mmsearch_dagster.core.release import EncoderIdentity, RankingPin, ReleaseManifest, RetrievalParams
from mmsearch_dagster.core.retrieval.query import Query
from mmsearch_dagster.core.retrieval.rank_fusion import LEARNED, WORDS
from mmsearch_dagster.core.text.terms import read_terms
from mmsearch_dagster.demo_shop.catalogue import Item, make_items, studio_view
from mmsearch_dagster.demo_shop.drawings.picture import jpeg
from mmsearch_dagster.demo_shop.queries import make_queries
from mmsearch_dagster.demo_shop.spec import StoreSpec, parse_spec
from mmsearch_dagster.pipeline.features.encode import product_text
from mmsearch_dagster.pipeline.features.index_rows import index_rows
from mmsearch_dagster.serving.candidate_order import ranked_query, ranker_input
from mmsearch_dagster.serving.engine import Engine
from mmsearch_dagster.serving.item_source import KeptItems
from mmsearch_dagster.serving.release_parts import open_model
from mmsearch_dagster.serving.retrievers import QueryTower, retrieve
from mmsearch_dagster.settings import assets_folder
from tests.bench.serving.files import BenchShop

ENCODED_TEXTS, ENCODED_PICTURES, PHOTOS, PICTURE_SIDE = 1_000, 96, 24, 320
_NOISE, _SEED, _STRATEGY, _TAUGHT = 0.3, 7, "ensemble", 120
_PAYLOAD = (
    col.PRODUCT_ID,
    col.TITLE,
    col.DESCRIPTION,
    col.CATEGORY,
    col.BRAND,
    col.PRICE,
    col.CURRENCY,
    col.ATTRIBUTES,
)


def make_shop(
    folder: Path, cache: Path, specs: dict[str, EncoderSpec], *, products: int, queries: int
) -> BenchShop:
    """Draw the products, encode some, publish and release; the same files for the same numbers."""
    spec = _store(products, queries)
    items = make_items(spec, products)
    table = pl.DataFrame([_row(item) for item in items], schema_overrides={col.PRICE: pl.Float64})
    (folder / "photos").mkdir(parents=True)
    _write(folder / "encoders.json", {name: each.model_dump(mode="json") for name, each in specs.items()})
    _write(folder / "payload.json", table.select(_PAYLOAD).to_dicts())
    typed = [query.text for query in make_queries(spec, items) if query.text and query.text.isascii()]
    _write(folder / "words.json", typed)
    for number, item in enumerate(items[:PHOTOS]):
        photo = jpeg(item.look, studio_view(spec, item, 1), PICTURE_SIDE)
        (folder / "photos" / f"{number:03}.jpg").write_bytes(photo)
    shop = BenchShop(folder, cache)
    vectors = _vectors(shop, spec, items, table)
    identities = tuple(shop.encoder(modality).identity for modality in (TEXT, IMAGE))
    _release(shop, table, vectors, identities)
    _add_ranking(shop, table, typed)
    return shop


def _store(products: int, queries: int) -> StoreSpec:
    file = assets_folder() / "sample" / "store.yaml"
    spec = parse_spec(file.read_text(encoding="utf-8"), str(file))
    numbers = {"words": queries, "chinese": 0, "spoken": 0, "pictures": 0, "mixed": 0}
    return spec.model_copy(
        update={
            "products": spec.products.model_copy(update={"count": products}),
            "queries": spec.queries.model_copy(update=numbers),
        }
    )


def _row(item: Item) -> dict[str, Any]:
    traits = item.traits
    attributes = {"color": traits.color, "pattern": traits.pattern, "material": traits.material}
    return {
        col.PRODUCT_ID: item.product_id,
        col.TITLE: item.title,
        col.DESCRIPTION: item.description,
        col.CATEGORY: item.category,
        col.BRAND: traits.brand,
        col.PRICE: item.price,
        col.CURRENCY: "EUR",
        col.ATTRIBUTES: [{"key": name, "value": value} for name, value in attributes.items() if value],
        col.IMAGE_URIS: list(item.pictures),
        col.LANG: "en",
        col.IN_STOCK: item.in_stock,
    }


def _vectors(
    shop: BenchShop, spec: StoreSpec, items: Sequence[Item], table: pl.DataFrame
) -> dict[str, Matrix]:
    texts = [product_text(row) for row in table.head(ENCODED_TEXTS).iter_rows(named=True)]
    pictures = [
        jpeg(item.look, studio_view(spec, item, 0), PICTURE_SIDE) for item in items[:ENCODED_PICTURES]
    ]
    encoded = {TEXT: [text.encode() for text in texts], IMAGE: pictures}
    vectors = {
        name: _spread(encode(shop.encoder(name), contents), len(items)) for name, contents in encoded.items()
    }
    for name, matrix in vectors.items():
        np.save(shop.folder / f"{name}.npy", matrix)
    return vectors


def encode(encoder: Encoder, contents: Sequence[bytes]) -> Matrix:
    """Vectors [n, d] in the order of `contents`."""
    keyed = [Content(str(number), lambda content=content: content) for number, content in enumerate(contents)]
    vector_of: dict[str, Matrix] = {}
    for batch in encoder.encode(keyed):
        vector_of.update(zip(batch.keys, batch.vectors, strict=True))
    return np.stack([vector_of[content.key] for content in keyed])


def _spread(vectors: Matrix, count: int) -> Matrix:
    """Unit rows [count, d]: the given vectors, then again with noise of a third of their length."""
    rng = np.random.default_rng(_SEED)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    rows = unit[np.arange(count) % len(unit)]
    noise = rng.standard_normal(rows.shape, dtype=np.float32) * (_NOISE / np.sqrt(rows.shape[1]))
    rows = np.where((np.arange(count) < len(unit))[:, None], rows, rows + noise)
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def _release(
    shop: BenchShop,
    table: pl.DataFrame,
    vectors: dict[str, Matrix],
    identities: tuple[EncoderIdentity, ...],
) -> None:
    """Published and written down; without an order that is learned."""
    widths = {name: matrix.shape[1] for name, matrix in vectors.items()}
    model = TwoTower(FusionSpec(strategy="hadamard", item_widths=widths, query_widths=widths))
    present = {name: np.ones(table.height, dtype=bool) for name in vectors}
    batch = ModalityBatch(tuple(table[col.PRODUCT_ID]), vectors, present)
    weights = save_model(model, shop.folder / "model")
    rows = index_rows(table, batch, model.items(batch))
    pin = SearchIndex(str(shop.folder / "index")).publish("bench", "r-bench", rows)
    manifest = ReleaseManifest(
        release_id="r-bench",
        catalogue="bench",
        model_version=1,
        strategy="hadamard",
        weights_sha256=weights,
        encoders=identities,
        retrieval=RetrievalParams(
            weights={WORDS: {"lexical": 1.0}, "words+picture": {"lexical": 0.25}, "picture": {IMAGE: 1.0}},
            orders={WORDS: LEARNED},
        ),
        snapshots={},
        index=pin,
    )
    (shop.folder / "manifest.json").write_text(manifest.model_dump_json())


def _add_ranking(shop: BenchShop, table: pl.DataFrame, typed: Sequence[str]) -> None:
    """The ensemble on candidates whose grade is how many of the query's words their title has."""
    engine = shop.engine()
    statistics = statistics_of(item_terms(row) for row in table.iter_rows(named=True))
    model = open_model(shop.folder / "model")
    training = _training_set(engine, model, typed[:_TAUGHT], statistics)
    stage = RankingStage(_STRATEGY, TRAINERS[_STRATEGY](training), statistics)
    pin = RankingPin(sha256=stage.save(shop.folder / "model" / RANKING_FOLDER), strategy=_STRATEGY)
    manifest = shop.manifest.model_copy(update={"ranking": pin})
    (shop.folder / "manifest.json").write_text(manifest.model_dump_json())


def _training_set(
    engine: Engine, model: QueryTower, typed: Sequence[str], statistics: TermStatistics
) -> TrainingSet:
    items, rng = KeptItems(engine.table.rows), np.random.default_rng(_SEED)
    candidates, grades = {}, {}
    for text in typed:
        query = engine.prepare(Query(text=text))
        lists = retrieve(
            engine.table, model, [query], query.vectors, depth=engine.manifest.retrieval.depth, where=None
        )
        given = ranker_input(lists[0], items)
        words = read_terms(text)
        candidates[text] = feature_rows(ranked_query(query), given, statistics)
        grades[text] = {
            product: min(3, len(words.vocabulary & given.items[product].title.vocabulary))
            for product in candidates[text].ids
            if rng.random() < 0.7
        }
    return TrainingSet.of(candidates, grades)


def _write(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, default=str), encoding="utf-8")
