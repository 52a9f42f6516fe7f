"""`mmsearch bench quality`: what each modality, strategy and loss is worth on one shop."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
from rich.table import Table

from mmsearch_dagster.core.evaluation.ablation import (
    ALONE,
    LOSS,
    PAIR,
    STRATEGY,
    WHOLE,
    WITHOUT,
    ablation_deltas,
    answers,
    trials,
)
from mmsearch_dagster.core.evaluation.comparison import DEPTH, all_values, untrained
from mmsearch_dagster.core.evaluation.judged_queries import JudgedQueries, Rankings, RetrieverLists
from mmsearch_dagster.core.evaluation.quality_table import ALL, quality_table
from mmsearch_dagster.core.evaluation.tune_blend import blend, choose_blend
from mmsearch_dagster.core.release import RetrievalParams
from mmsearch_dagster.core.retrieval.rank_fusion import VECTOR_RETRIEVER
from mmsearch_dagster.pipeline.training import examples
from mmsearch_dagster.pipeline.training.queries import DEV, TEST, VALIDATION
from mmsearch_dagster.pipeline.workspace import Workspace

UNTRAINED = "nothing trained"
HYBRID = "hybrid"
GROUPS = (UNTRAINED, HYBRID, WHOLE, ALONE, PAIR, WITHOUT, STRATEGY, LOSS)
_STAGE = "trials"
_SEED = 7


@dataclass(frozen=True)
class BenchResult:
    """One set of queries.

    table: `core.evaluation.quality_table` and `group`. deltas: of `core.evaluation.ablation`.
    """

    split: str
    queries: JudgedQueries
    rankings: Mapping[str, Rankings]
    table: pl.DataFrame
    deltas: list[dict[str, Any]]


def measure(workspace: Workspace) -> Iterator[BenchResult]:
    """Train every trial on the shop's current examples; one result per judged split."""
    from mmsearch_dagster.adapters.lake.batches import load_queries
    from mmsearch_dagster.adapters.lake.lineage import lineage_of
    from mmsearch_dagster.pipeline.evaluation.retrieve import retriever_lists, words_table
    from mmsearch_dagster.pipeline.training.candidates import read_examples

    source = workspace.lake.current(examples.ASSET)
    products = lineage_of(workspace.lake, [source])["products"]
    read = read_examples(source)
    lists = partial(_lists, retriever_lists(words_table(workspace, products), read.items))
    sets = {name: load_queries(source.folder, name) for name in (DEV, VALIDATION, TEST)}
    params, progress = workspace.preset.train, workspace.progress
    todo = list(trials(tuple(read.items.vectors), workspace.preset.strategies[0], params.loss))
    progress.start(_STAGE, len(todo))
    answered: dict[tuple[str, str], dict[str, Rankings]] = {}
    for trial in todo:
        answered[trial.group, trial.name] = answers(trial, read, sets, params, depth=DEPTH)
        progress.advance(_STAGE, 1)
    progress.finish(_STAGE)
    whole = answered[WHOLE, todo[0].name]
    dev = sets[DEV]
    retrieval = choose_blend(lists(dev, whole[DEV]), dev, multilingual=workspace.multilingual)
    for split in (VALIDATION, TEST):
        if len(sets[split].batch):
            yield _measured(split, sets[split], answered, retrieval=retrieval, read=read, lists=lists)


def _lists(retrievers: RetrieverLists, queries: JudgedQueries, fused: Rankings) -> dict[str, Rankings]:
    """The engine's lists for a trial. fused: what the trial's own model finds."""
    return {**retrievers(None, queries), VECTOR_RETRIEVER: fused}


def _measured(
    split: str,
    queries: JudgedQueries,
    answered: Mapping[tuple[str, str], Mapping[str, Rankings]],
    *,
    retrieval: RetrievalParams,
    read: Any,
    lists: Callable[[JudgedQueries, Rankings], dict[str, Rankings]],
) -> BenchResult:
    whole = next(splits[split] for (group, _), splits in answered.items() if group == WHOLE)
    retrievers = lists(queries, whole)
    rows: dict[tuple[str, str], Rankings] = {
        (UNTRAINED, name): rankings for name, rankings in untrained(queries, read.items, retrievers).items()
    }
    rows |= {key: splits[split] for key, splits in answered.items()}
    rows[HYBRID, "fused + full text + encoders"] = blend(retrievers, queries, retrieval.weights)
    named = {f"{group}: {name}": rankings for (group, name), rankings in rows.items()}
    table = quality_table(all_values(named, queries)).with_columns(
        pl.col("branch").str.extract(r"^(.*?): ", 1).alias("group"),
        pl.col("branch").str.replace(r"^.*?: ", ""),
    )
    left_out = {name: rankings for (group, name), rankings in rows.items() if group == WITHOUT}
    return BenchResult(split, queries, named, table, ablation_deltas(whole, left_out, queries, seed=_SEED))


def shown(result: BenchResult) -> Table:
    """All queries of one split, group by group."""
    rows = result.table.filter(pl.col("kind") == ALL)
    table = Table(title=f"{result.split}, all queries", title_justify="left", header_style="bold")
    for name in ("", "trained on", "nDCG@10", "95% interval", "R@10", "top-1"):
        table.add_column(name, justify="right" if name in ("nDCG@10", "R@10", "top-1") else "left")
    for group in GROUPS:
        for row in rows.filter(pl.col("group") == group).iter_rows(named=True):
            between = f"{row['low']:.3f}–{row['high']:.3f}"
            cells = (f"{row[name]:.3f}" for name in ("recall@10", "top1"))
            table.add_row(group, row["branch"], f"{row['ndcg@10']:.3f}", between, *cells)
    for row in result.deltas:
        table.add_row("verdict", row["trial"], "", str(row["lost without"]), "", str(row["verdict"]))
    return table


def write(results: list[BenchResult], folder: Path, facts: Mapping[str, Any]) -> list[Path]:
    """The report as HTML and JSON, and qrels and runs in TREC's format; returns what was written."""
    from mmsearch_dagster.adapters.reports.quality_report import write_report, write_trec

    written = write_report(
        folder, facts, {result.split: (result.table, result.deltas) for result in results}, GROUPS
    )
    for result in results:
        written += write_trec(folder / result.split, result.queries.grades, result.rankings)
    return written
