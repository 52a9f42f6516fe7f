"""Why a product stands where it stands: retrievers, modalities, features of the ranker."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mmsearch_dagster.core.catalog.columns import PRODUCT_ID
from mmsearch_dagster.core.modalities import Matrix, ModalityBatch
from mmsearch_dagster.core.retrieval.prepared_query import PreparedQuery
from mmsearch_dagster.core.retrieval.query import Query
from mmsearch_dagster.core.retrieval.rank_fusion import BY_RANKS, QUERY_MEMORY, VECTOR, modality_column
from mmsearch_dagster.core.understanding.understood import understood_record
from mmsearch_dagster.serving.engine import Engine

if TYPE_CHECKING:
    from mmsearch_dagster.core.personalisation.scoring import Scored

Values = NDArray[np.float64]
# Cosine of a product fused again with its published vector; less, and it is not explained by these vectors.
_NEAR = 0.99
# Of a learned ranking; the rest hardly counts.
_SHOWN_FEATURES = 10


def explain(
    engine: Engine, query: Query | PreparedQuery, product: str, person: "tuple[Scored, int] | None" = None
) -> dict[str, Any]:
    """What contributed to one product's rank in the answer to `query`.

    Args:
        engine: the opened release.
        query: raw or prepared.
        product: its id.
        person: the scored catalogue and the person's row; None for an unknown person.

    Returns:
        understood: what the words were read to say.
        order: by what candidates of this kind of query are ordered (rank_fusion.ORDERS).
        branches: rank in each retriever and, ordered by ranks, its share of the score: weight / (rrf_k +
        rank).
        ranking: the strongest features of a learned order, with what the score would lose without them.
        modalities: cosine of the query's and the product's vectors, and of the fused vectors with and without
        that modality of the query, weighted as the request says. product_modalities: the same cosine with and
        without each modality of the product. features: what each feature of the ranker added to the score.

    Raises:
        QueryError: as in `Engine.search`.
    """
    content = query if isinstance(query, PreparedQuery) else engine.prepare(query)
    batch = content.vectors
    # As deep as the engine blends for a page of results: deeper lists would give other ranks.
    hits = engine.search(content, k=engine.manifest.retrieval.depth).hits
    hit = next((candidate for candidate in hits if candidate.product_id == product), None)
    rrf_k = engine.manifest.retrieval.rrf_k
    retrievers = [
        {
            "branch": name,
            "weight": content.weights.get(name, 0.0),
            "rank": rank,
            "share": _share(content, name, rrf_k + rank) if rank else 0.0,
        }
        for name, rank in (hit.branches.items() if hit else ())
    ]
    return {
        "release_id": engine.manifest.release_id,
        PRODUCT_ID: product,
        "kind": content.kind,
        "transcript": _transcript(content),
        "understood": understood_record(content.understood),
        "rank": hit.rank if hit else None,
        "score": hit.score if hit else None,
        "order": content.order,
        "branches": retrievers,
        "ranking": _ranking(engine, content, product),
        "modalities": _modalities(engine, content, batch, product),
        "product_modalities": product_parts(engine, engine.fused(content)[0], product),
        "features": _features(engine, batch, (product, hit.rank if hit else None), person),
    }


def _share(query: PreparedQuery, retriever: str, depth: int) -> float | None:
    adds_ranks = query.order == BY_RANKS and retriever != QUERY_MEMORY
    return query.weights.get(retriever, 0.0) / depth if adds_ranks else None


def _ranking(engine: Engine, query: PreparedQuery, product: str) -> list[dict[str, Any]]:
    effects = engine.ranking_effects(query, product)[:_SHOWN_FEATURES]
    return [
        {"feature": each.feature, "value": number(each.value), "effect": number(each.effect)}
        for each in effects
    ]


def _transcript(query: PreparedQuery) -> dict[str, Any] | None:
    transcript = query.transcript
    return transcript and {"text": transcript.text, "confidence": number(transcript.confidence)}


def _modalities(
    engine: Engine, content: PreparedQuery, batch: ModalityBatch, product: str
) -> list[dict[str, Any]]:
    cosine_of = _modality_cosines(engine, batch, [product])
    present = [name for name, mask in batch.present.items() if mask[0]]

    def fused(part: ModalityBatch) -> float | None:
        return number(_to_products(engine, engine.fused(content, part)[0], [product], VECTOR)[0])

    fused_cosine, rows = fused(batch), []
    for name in present:
        others = [other for other in present if other != name]
        rows.append(
            {
                "modality": name,
                "own_cosine": number(float(cosine_of[name][0])) if name in cosine_of else None,
                "fused_cosine": fused_cosine,
                "fused_without_it": fused(batch.only(*others)) if others else None,
            }
        )
    return rows


def product_parts(engine: Engine, query: Matrix, product: str) -> list[dict[str, Any]]:
    """Per modality of a product, the cosine of the fused vectors with and without it, and the difference.

    The product is fused again from its vectors in the index. Of a video the index keeps the mean of its
    frames, so cosines can differ a little from those of the published vector; where they differ too much,
    the answer is empty. Of several images the nearest one is taken.

    Args:
        engine: the opened release.
        query: fused query vector, float32 [width].
        product: its id.

    Returns:
        One record per modality.
    """
    views = _stored_vectors(engine, product)
    present = [name for name, mask in views.present.items() if mask[0]]
    if not present:
        return []
    best_view = views.take([int(np.argmax(engine.fused_items(views) @ query))])
    # All of them, then each left out.
    parts = [best_view, *(best_view.only(*(other for other in present if other != name)) for name in present)]
    fused = np.concatenate([engine.fused_items(part) for part in parts])
    if not _to_products(engine, fused[0], [product], VECTOR)[0] >= _NEAR:
        return []
    cosines = fused.astype(np.float64) @ query / max(float(np.linalg.norm(query)), 1e-12)
    return [
        {
            "modality": name,
            "fused_cosine": number(cosines[0]),
            "fused_without_it": number(without) if len(present) > 1 else None,
            "brings": number(cosines[0] - without) if len(present) > 1 else None,
        }
        for name, without in zip(present, cosines[1:], strict=True)
    ]


def _stored_vectors(engine: Engine, product: str) -> ModalityBatch:
    """What the index keeps of a product, as the item tower reads it: a row per picture."""
    spec, stored = engine.model_spec, {}
    for name, width in spec.item_widths.items():
        column = modality_column(name)
        if engine.table.vector_columns.get(column) != width // spec.frames.get(name, 1):
            continue
        _, matrix = engine.table.vectors([product], column)
        if len(matrix):
            # The mean frame of a video is a video of one frame; a frame of zeros is none.
            stored[name] = np.pad(matrix, ((0, 0), (0, width - matrix.shape[1])))
    views = max(map(len, stored.values()), default=1)
    padded = {name: np.zeros((1, width), np.float32) for name, width in spec.item_widths.items()} | stored
    return ModalityBatch(
        ids=(product,) * views,
        vectors={name: np.resize(matrix, (views, matrix.shape[1])) for name, matrix in padded.items()},
        present={name: np.full(views, name in stored) for name in spec.item_widths},
    )


def _features(
    engine: Engine,
    batch: ModalityBatch,
    product_and_rank: tuple[str, int | None],
    person: "tuple[Scored, int] | None",
) -> list[dict[str, Any]]:
    product, rank = product_and_rank
    if person is None or person[0].ranker is None or product not in person[0].row:
        return []
    catalogue, row = person
    before = np.nan if rank is None else rank - 1.0
    cosines = _modality_cosines(engine, batch, [product])
    parts = catalogue.contributions(row, catalogue.row[product], before, cosines)
    return [{"feature": name, "contribution": round(value, 4)} for name, value in parts]


def query_cosines(engine: Engine, query: PreparedQuery, products: Sequence[str]) -> dict[str, Values]:
    """Cosines between a query and some products, by modality.

    Args:
        engine: the opened release.
        query: the prepared query.
        products: `n` product ids.

    Returns:
        Modality -> [n], NaN where the query or the product lacks it.
    """
    return _modality_cosines(engine, query.vectors, products)


def _modality_cosines(engine: Engine, batch: ModalityBatch, products: Sequence[str]) -> dict[str, Values]:
    columns = engine.table.vector_columns
    return {
        name: _to_products(engine, vectors[0], products, modality_column(name))
        for name, vectors in batch.vectors.items()
        if batch.present[name][0] and columns.get(modality_column(name)) == vectors.shape[1]
    }


def _to_products(engine: Engine, vector: Matrix, products: Sequence[str], column: str) -> Values:
    scores = engine.table.scores(vector, products, column)
    return np.array([scores.get(product, np.nan) for product in products], dtype=np.float64)


def number(value: float | None) -> float | None:
    """To four decimals, None for what is unknown."""
    return None if value is None or value != value else round(float(value), 4)
