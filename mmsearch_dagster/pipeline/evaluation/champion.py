"""The released engine beside the candidate: measured again, or by the values of its own evaluation."""

from collections.abc import Iterable

import polars as pl

from mmsearch_dagster.adapters.index.table import PinnedTable
from mmsearch_dagster.adapters.lake.snapshots import Snapshot
from mmsearch_dagster.core.evaluation.champion_history import stored_champion_values
from mmsearch_dagster.core.evaluation.judged_queries import JudgedQueries, Rankings
from mmsearch_dagster.core.gate.decision import Decision
from mmsearch_dagster.core.memories.query_memory import QueryMemory
from mmsearch_dagster.core.modalities import ModalityBatch
from mmsearch_dagster.core.release import ReleaseManifest
from mmsearch_dagster.core.retrieval.variant_groups import VariantGroups
from mmsearch_dagster.pipeline.evaluation.files import ASSET, DECISION, PER_QUERY
from mmsearch_dagster.pipeline.features import collaborative
from mmsearch_dagster.pipeline.memories import photo_memory
from mmsearch_dagster.pipeline.memories.photo_memory import MeasuredPhotos
from mmsearch_dagster.pipeline.memories.query_memory import measured_memory
from mmsearch_dagster.pipeline.ranking import train_ranking
from mmsearch_dagster.pipeline.retrieval.engine_rankings import CatalogueWords, engine_rankings
from mmsearch_dagster.pipeline.retrieval.retrieve import retriever_lists
from mmsearch_dagster.pipeline.training import examples
from mmsearch_dagster.pipeline.training.queries import VALIDATION
from mmsearch_dagster.pipeline.workspace import Workspace
from mmsearch_dagster.serving.release_parts import open_ranking


def why_not_again(workspace: Workspace, champion: ReleaseManifest, modalities: Iterable[str]) -> str | None:
    """Why today's vectors, of these modalities, say nothing to the champion's model; None where they do."""
    configured = (workspace.encoder(name) for name in modalities)
    now = {spec.modality: workspace.identity(spec).fingerprint for spec in configured if spec}
    other = [
        encoder.modality for encoder in champion.encoders if now.get(encoder.modality) != encoder.fingerprint
    ]
    return f"its {', '.join(other)} encoder is not the one of this run" if other else None


def rankings(
    workspace: Workspace,
    champion: ReleaseManifest,
    items: ModalityBatch,
    queries: JudgedQueries,
    *,
    words: PinnedTable,
    products: CatalogueWords,
    looks: Snapshot,
) -> Rankings:
    """What it answers on the catalogue and the queries of today.

    Its judged photos and past queries are those of its own evaluation: the released ones may be these very
    queries.

    Args:
        workspace: the home.
        champion: the release.
        items: the catalogue's vectors.
        queries: today's.
        words: the index of the catalogue's words.
        products: those words taken apart.
        looks: today's snapshot of the photo memory, with a closer look at each query's photo.
    """
    from mmsearch_dagster.core.fusion.model import load_model

    folder = workspace.registry.model_folder(champion.model_version)
    model = load_model(folder)
    digest = champion.snapshots.get(collaborative.ASSET)
    factors = workspace.lake.find(collaborative.ASSET, digest) if digest else None
    items = collaborative.with_factors_of(items, factors)
    photos, past = _photos(workspace, champion, looks), _past_queries(workspace, champion)
    lists = retriever_lists(words, items, photos, past)(model, queries)
    stage = open_ranking(champion, folder)
    return engine_rankings(lists, queries, champion.retrieval, stage, words=products)


def _photos(workspace: Workspace, champion: ReleaseManifest, looks: Snapshot) -> MeasuredPhotos | None:
    if champion.photo_memory is None:
        return None
    snapshot = workspace.lake.find(photo_memory.ASSET, champion.snapshots[photo_memory.ASSET])
    return MeasuredPhotos.of(snapshot, looks)


def _past_queries(workspace: Workspace, champion: ReleaseManifest) -> QueryMemory | None:
    if champion.query_memory is None:
        return None
    return measured_memory(workspace.lake.find(train_ranking.ASSET, champion.snapshots[train_ranking.ASSET]))


def stored_values(
    workspace: Workspace, champion: ReleaseManifest, queries: JudgedQueries, groups: VariantGroups
) -> pl.DataFrame | None:
    """The per-query values of its own evaluation, where that was about these queries and is still there.

    groups: which products are variants of one today; `queries` are judged by them.
    """
    from mmsearch_dagster.adapters.lake.batches import load_queries

    report, query_snapshot = (
        workspace.lake.find(name, champion.snapshots.get(name) or "none") for name in (ASSET, examples.ASSET)
    )
    if report is None or query_snapshot is None:
        return None
    try:
        decision = Decision.from_json((report.folder / DECISION).read_text(encoding="utf-8"))
        values = pl.read_parquet(report.folder / PER_QUERY)
        then = load_queries(query_snapshot.folder, VALIDATION).by_product(groups)
        if queries.provenance:
            then = then.of_provenance(queries.provenance[0])
    except (OSError, ValueError, pl.exceptions.PolarsError):  # written by another version, or damaged
        return None
    if decision.weights_sha256 != champion.weights_sha256:
        return None
    return stored_champion_values(values, then, queries, workspace.gate_policy.metric)
