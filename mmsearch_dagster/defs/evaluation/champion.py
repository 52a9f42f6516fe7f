"""The released engine beside the candidate: measured again, or by the values of its own evaluation."""

import polars as pl

from mmsearch_dagster.core.blending import blend
from mmsearch_dagster.core.comparison import DEPTH, branches_of
from mmsearch_dagster.core.decision import Decision
from mmsearch_dagster.core.evaluation import JudgedQueries, LexicalSearch, Rankings, by_model, by_words
from mmsearch_dagster.core.modalities import ModalityBatch
from mmsearch_dagster.core.release import ReleaseManifest
from mmsearch_dagster.core.remembered import remembered_values
from mmsearch_dagster.defs.behaviour import factors_step
from mmsearch_dagster.defs.evaluation.report_files import ASSET, DECISION, PER_QUERY
from mmsearch_dagster.defs.training import examples_step as examples
from mmsearch_dagster.defs.training.asked import VALIDATION
from mmsearch_dagster.defs.workspace import Workspace


def why_not_again(workspace: Workspace, champion: ReleaseManifest) -> str | None:
    """Why today's vectors say nothing to the champion's model, None where they do."""
    configured = (workspace.encoder(m) for m in examples.modalities_of(workspace))
    now = {spec.modality: workspace.identity(spec).fingerprint for spec in configured if spec}
    other = [one.modality for one in champion.encoders if now.get(one.modality) != one.fingerprint]
    return f"its {', '.join(other)} encoder is not the one of this run" if other else None


def rankings(
    workspace: Workspace,
    champion: ReleaseManifest,
    items: ModalityBatch,
    queries: JudgedQueries,
    *,
    search: LexicalSearch,
) -> Rankings:
    """What it answers on the catalogue and the queries of today."""
    from mmsearch_dagster.core.fusion.model import load_model

    model = load_model(workspace.registry.model_folder(champion.model_version))
    own = champion.snapshots.get(factors_step.ASSET)
    factors = workspace.lake.find(factors_step.ASSET, own) if own else None
    items = factors_step.with_factors_of(items, factors)
    vector = by_model(model, queries.batch, items, DEPTH)
    branches = branches_of(vector, queries, items, by_words(queries, search, DEPTH))
    retrieval = champion.retrieval
    return blend(branches, queries, retrieval.weights, rrf_k=retrieval.rrf_k)


def remembered(
    workspace: Workspace, champion: ReleaseManifest, queries: JudgedQueries
) -> pl.DataFrame | None:
    """The per-query values of its own evaluation, where that was about these queries and is still there."""
    from mmsearch_dagster.adapters.query_files import load_queries

    report, asked = (
        workspace.lake.find(name, champion.snapshots.get(name) or "none") for name in (ASSET, examples.ASSET)
    )
    if report is None or asked is None:
        return None
    try:
        decision = Decision.from_json((report.folder / DECISION).read_text(encoding="utf-8"))
        values = pl.read_parquet(report.folder / PER_QUERY)
        then = load_queries(asked.folder, VALIDATION)
    except (OSError, ValueError, pl.exceptions.PolarsError):  # written by another version, or damaged
        return None
    if decision.weights_sha256 != champion.weights_sha256:
        return None
    return remembered_values(values, then, queries, workspace.gate_policy.metric)
