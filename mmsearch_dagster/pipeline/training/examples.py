"""The step `training_examples`: judged, logged and synthetic queries, encoded, beside the items' vectors."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from mmsearch_dagster.adapters.lake.lineage import Lineage, current_inputs
from mmsearch_dagster.adapters.lake.snapshots import Facts, Snapshot
from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.digest import digest_of
from mmsearch_dagster.core.evaluation.judged_queries import JudgedQueries
from mmsearch_dagster.core.labels.provenance import JUDGED, count_provenances
from mmsearch_dagster.core.modalities import (
    AUDIO,
    COLLABORATIVE,
    IMAGE,
    TEXT,
    VIDEO,
    Matrix,
    ModalityBatch,
    assemble,
)
from mmsearch_dagster.core.speech.language import LANGUAGE_FILE
from mmsearch_dagster.pipeline.features.encode import VECTOR, FeatureFacts, asset_of
from mmsearch_dagster.pipeline.report import StepReport, timed
from mmsearch_dagster.pipeline.training.encode_queries import encode_queries
from mmsearch_dagster.pipeline.training.queries import TEST, VALIDATION, TrainingQuery, all_queries
from mmsearch_dagster.pipeline.training.transcripts import language, recogniser_fingerprint
from mmsearch_dagster.pipeline.workspace import Workspace, media_file
from mmsearch_dagster.serving.understanding import synonyms_of

if TYPE_CHECKING:
    from mmsearch_dagster.core.speech.language import Language

ASSET = "training_examples"
ITEMS = "items"
# The same with a row per picture; stored where some product has several.
VIEWS = "item_views"
CODE_VERSION = "12"
_TABLES = ("products", "queries", "interactions", "searches", "reviews")
_FEATURES = (TEXT, IMAGE, AUDIO, VIDEO, COLLABORATIVE)
_JUDGING = (VALIDATION, TEST)


class ExamplesFacts(Facts):
    """What later steps read of the examples.

    log_graded_by: how the grades of the log's queries came about, for people.
    language: digest of what the recogniser expects. frames: how many vectors stand side by side in a row of
    each modality that has several.
    """

    counts: list[dict[str, str | int]] = []
    unreadable_queries: int = 0
    log_graded_by: str = ""
    language: str
    frames: dict[str, int] = {}


def modalities_of(lineage: Lineage) -> dict[str, Snapshot]:
    """Feature snapshots of the modalities that at least one product has."""
    features = {name: lineage[asset_of(name)] for name in _FEATURES if asset_of(name) in lineage}
    return {name: snapshot for name, snapshot in features.items() if FeatureFacts.of(snapshot).rows}


def build_examples(workspace: Workspace) -> StepReport:
    """Encode the queries of every split and of every provenance; store them with the item vectors."""
    with timed(ASSET) as report:
        inputs = current_inputs(workspace.lake, [*_TABLES, *map(asset_of, _FEATURES)])
        shop_language = cache(partial(language, inputs))  # read where it is needed
        digest = digest_of(
            {
                "code": CODE_VERSION,
                "made_from": {asset: snapshot.digest for asset, snapshot in inputs.items()},
                "derived": workspace.preset.derived.model_dump(),
                "deciding": workspace.gate_policy.provenance_digest,
                "synonyms": synonyms_of(workspace.paths.home).model_dump(),
                "media": _media_digest(workspace, inputs["queries"].table(), shop_language),
            }
        )
        snapshot, made = workspace.lake.obtain(
            ASSET,
            digest,
            lambda folder: _make(workspace, inputs, shop_language(), folder).model_dump(),
            inputs=inputs.values(),
        )
        report.about(snapshot, made)
        report.tables["queries"] = pl.DataFrame(ExamplesFacts.of(snapshot).counts)
    return report


def _media_digest(workspace: Workspace, queries: pl.DataFrame, language: "Callable[[], Language]") -> str:
    """Digest of the files of queries and of the recogniser."""
    from mmsearch_dagster.adapters.feature_store.feature_store import file_content

    spoken = queries[col.AUDIO].drop_nulls().unique()
    uris = [*queries[col.IMAGE].drop_nulls().unique().sort(), *spoken.sort()]
    recogniser = recogniser_fingerprint(workspace, language()) if len(spoken) else None
    return digest_of(
        {"recogniser": recogniser} | {uri: file_content(media_file(workspace, uri), uri).key for uri in uris}
    )


def _make(
    workspace: Workspace, inputs: Mapping[str, Snapshot], language: "Language", folder: Path
) -> ExamplesFacts:
    from mmsearch_dagster.adapters.lake.batches import save_batch, save_queries

    features = modalities_of(Lineage(inputs))
    products = inputs["products"].table()
    views = item_views(products, features)
    items = views.merged()
    save_batch(folder, ITEMS, items)
    if len(items) < len(views):
        save_batch(folder, VIEWS, views)
    (folder / LANGUAGE_FILE).write_text(language.to_json(), encoding="utf-8")
    read = all_queries(workspace, inputs, features, language)
    everything = [query for part in read.by_split.values() for query in part]
    encoded, refused = encode_queries(workspace, items, products, everything)
    counts = []
    for name, part in read.by_split.items():
        # What people search for and the engine refuses is judged too: it scores 0, as it does for them.
        kept = [
            query.refused() if query.query_id in refused else query
            for query in part
            if query.query_id in encoded or (query.provenance == JUDGED and name in _JUDGING)
        ]
        queries = _judged_queries(kept, encoded, items)
        save_queries(folder, name, queries)
        counts += [
            {"split": name, "provenance": provenance, "queries": count}
            for provenance, count in count_provenances(queries.provenance).items()
        ]
    return ExamplesFacts(
        rows=sum(count["queries"] for count in counts),
        counts=counts,
        log_graded_by=read.log_graded_by,
        unreadable_queries=len({query.query_id for query in everything} - encoded.keys()),
        language=language.digest,
        frames={
            name: frames
            for name, snapshot in features.items()
            if (frames := FeatureFacts.of(snapshot).frames) is not None
        },
    )


def item_views(products: pl.DataFrame, features: Mapping[str, Snapshot]) -> ModalityBatch:
    """Item vectors of every modality, in the order of the products table; a row per picture of a product.

    Every picture is a key to its product and the best one counts: a photo resembles one of them, and their
    mean resembles none.
    """
    ids = products[col.PRODUCT_ID].to_list()
    vectors_of: dict[str, dict[str, list[Matrix]]] = {}
    widths = {}
    for name, snapshot in features.items():
        table = snapshot.table()
        matrix = table[VECTOR].to_numpy()
        vectors_of[name], widths[name] = {}, matrix.shape[1]
        for key, vector in zip(table[col.PRODUCT_ID].to_list(), matrix, strict=True):
            vectors_of[name].setdefault(key, []).append(vector)
    first = {
        name: {key: vectors[0] for key, vectors in lookup.items()} for name, lookup in vectors_of.items()
    }
    batch, images = assemble(ids, first, widths), vectors_of.get(IMAGE, {})
    counts = [len(images.get(key, "-")) for key in ids]
    views = batch.take(np.repeat(np.arange(len(ids)), counts))
    if len(views) > len(batch):
        nothing = [np.zeros(widths[IMAGE], np.float32)]
        stacked = np.stack([vector for key in ids for vector in images.get(key, nothing)])
        views = replace(views, vectors={**views.vectors, IMAGE: stacked})
    return views


def load_views(source: Snapshot) -> ModalityBatch:
    """The catalogue of these examples as retrieval compares it: a row per picture, or one per product."""
    from mmsearch_dagster.adapters.lake.batches import batch_exists, load_batch

    return load_batch(source.folder, VIEWS if batch_exists(source.folder, VIEWS) else ITEMS)


def _judged_queries(
    queries: Sequence[TrainingQuery], encoded: dict[str, dict[str, Matrix]], items: ModalityBatch
) -> JudgedQueries:
    ids = [query.query_id for query in queries]
    columns = {
        name: {key: encoded[key][name] for key in ids if name in encoded.get(key, {})}
        for name in items.vectors
    }
    return JudgedQueries(
        batch=assemble(ids, columns, items.widths),
        texts=tuple(query.text for query in queries),
        provenance=tuple(query.provenance for query in queries),
        grades={query.query_id: query.grades for query in queries},
        kinds={query.query_id: query.kind for query in queries},
        confidence={query.query_id: query.confidence for query in queries if query.confidence is not None},
        typed={query.query_id: query.typed for query in queries if query.typed is not None},
        understood={query.query_id: query.understood for query in queries if query.understood is not None},
    )
