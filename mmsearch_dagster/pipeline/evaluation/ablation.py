"""What each modality, fusion strategy and loss is worth on one shop: trains every variant and measures it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from mmsearch_dagster.core.evaluation.ablation import (
    ALL_MODALITIES,
    ALONE,
    LOSS,
    PAIR,
    STRATEGY,
    WITHOUT,
    ablation_deltas,
    ablation_variants,
    rank_with,
)
from mmsearch_dagster.core.evaluation.comparison import DEPTH, all_values, untrained
from mmsearch_dagster.core.evaluation.judged_queries import (
    JudgedQueries,
    Rankings,
    RetrieverLists,
    blend,
    rankings_of,
)
from mmsearch_dagster.core.evaluation.quality_table import quality_table
from mmsearch_dagster.core.fusion.dataset import Examples
from mmsearch_dagster.core.ranking.tune_blend import choose_blend
from mmsearch_dagster.core.release import RetrievalParams
from mmsearch_dagster.core.retrieval.rank_fusion import VECTOR_RETRIEVER
from mmsearch_dagster.pipeline.evaluation.ablation_files import write_report, write_trec
from mmsearch_dagster.pipeline.evaluation.validation import ValidationQueries
from mmsearch_dagster.pipeline.training import examples
from mmsearch_dagster.pipeline.training.queries import DEV, TEST, VALIDATION
from mmsearch_dagster.pipeline.training.stored_examples import read_examples
from mmsearch_dagster.pipeline.workspace import Workspace

UNTRAINED = "nothing trained"
HYBRID = "hybrid"
GROUPS = (UNTRAINED, HYBRID, ALL_MODALITIES, ALONE, PAIR, WITHOUT, STRATEGY, LOSS)
_STAGE = "trials"
_SEED = 7

# (group, name of the variant) -> split -> what it ranks for each query.
_RankingsOf = dict[tuple[str, str], dict[str, Rankings]]


@dataclass(frozen=True)
class AblationResult:
    """All variants on the queries of one split.

    table: `core.evaluation.quality_table` and `group`. deltas: of `core.evaluation.ablation`.
    """

    split: str
    queries: JudgedQueries
    rankings: Mapping[str, Rankings]
    table: pl.DataFrame
    deltas: list[dict[str, Any]]


def measure_ablations(workspace: Workspace) -> Iterator[AblationResult]:
    """Trains every variant on the shop's current examples.

    Yields:
        One result per split that has queries: in validation those that the gate decides on.
    """
    from mmsearch_dagster.adapters.lake.batches import load_queries
    from mmsearch_dagster.adapters.lake.lineage import lineage_of
    from mmsearch_dagster.pipeline.retrieval.retrieve import retriever_lists, words_table

    source = workspace.lake.current(examples.ASSET)
    products = lineage_of(workspace.lake, [source])["products"]
    read = read_examples(source)
    lists = partial(_engine_lists, retriever_lists(words_table(workspace, products), read.items))
    sets = {name: load_queries(source.folder, name) for name in (DEV, VALIDATION, TEST)}
    sets[VALIDATION] = ValidationQueries.of(sets[VALIDATION], workspace.gate_policy).deciding
    rankings = _train_all(workspace, read, sets)
    dev, dev_lists = sets[DEV], lists(sets[DEV], _of_all_modalities(rankings, DEV))
    retrieval = choose_blend(dev_lists, dev, multilingual=workspace.multilingual)
    for split in (VALIDATION, TEST):
        if len(sets[split].batch):
            yield _measured(split, sets[split], rankings, retrieval=retrieval, read=read, lists=lists)


def _train_all(workspace: Workspace, read: Examples, sets: Mapping[str, JudgedQueries]) -> _RankingsOf:
    params, progress = workspace.preset.train, workspace.progress
    variants = list(ablation_variants(tuple(read.items.vectors), workspace.preset.strategies[0], params.loss))
    rankings: _RankingsOf = {}
    progress.start(_STAGE, len(variants))
    for variant in variants:
        rankings[variant.group, variant.name] = rank_with(variant, read, sets, params, depth=DEPTH)
        progress.advance(_STAGE, 1)
    progress.finish(_STAGE)
    return rankings


def _of_all_modalities(rankings: _RankingsOf, split: str) -> Rankings:
    """What the variant ranks that leaves nothing out."""
    return next(splits[split] for (group, _), splits in rankings.items() if group == ALL_MODALITIES)


def _engine_lists(retrievers: RetrieverLists, queries: JudgedQueries, fused: Rankings) -> dict[str, Rankings]:
    """The engine's lists for a variant. fused: what the variant's own model ranks."""
    return {**rankings_of(retrievers(None, queries)), VECTOR_RETRIEVER: fused}


def _measured(
    split: str,
    queries: JudgedQueries,
    rankings: _RankingsOf,
    *,
    retrieval: RetrievalParams,
    read: Examples,
    lists: Callable[[JudgedQueries, Rankings], dict[str, Rankings]],
) -> AblationResult:
    reference = _of_all_modalities(rankings, split)
    retrievers = lists(queries, reference)
    rows: dict[tuple[str, str], Rankings] = {
        (UNTRAINED, name): ranked for name, ranked in untrained(queries, read.items, retrievers).items()
    }
    rows |= {key: splits[split] for key, splits in rankings.items()}
    rows[HYBRID, "fused + full text + encoders"] = blend(retrievers, queries, retrieval.weights)
    named = {f"{group}: {name}": ranked for (group, name), ranked in rows.items()}
    table = quality_table(all_values(named, queries)).with_columns(
        pl.col("branch").str.extract(r"^(.*?): ", 1).alias("group"),
        pl.col("branch").str.replace(r"^.*?: ", ""),
    )
    left_out = {name: ranked for (group, name), ranked in rows.items() if group == WITHOUT}
    deltas = ablation_deltas(reference, left_out, queries, seed=_SEED)
    return AblationResult(split, queries, named, table, deltas)


def write_ablations(results: Sequence[AblationResult], folder: Path, facts: Mapping[str, Any]) -> list[Path]:
    """The report as HTML and JSON, and qrels and runs in TREC's format; returns what was written."""
    written = write_report(
        folder, facts, {result.split: (result.table, result.deltas) for result in results}, GROUPS
    )
    for result in results:
        written += write_trec(folder / result.split, result.queries.grades, result.rankings)
    return written
