"""Hyper-parameters of a training: as configured, or searched on held-out training queries.

A search sees the training and the held-out training queries only; the validation queries stay for the gate,
which judges its winner like any other candidate.
"""

from pathlib import Path
from typing import Any

import polars as pl

from mmsearch_dagster.adapters.hyper_parameters.search_space import starting_values, suggested, with_values
from mmsearch_dagster.adapters.hyper_parameters.study import (
    FinishedTrial,
    SearchBudget,
    best_trial,
    check_installed,
    run_study,
)
from mmsearch_dagster.adapters.lake.snapshots import Facts, Snapshot
from mmsearch_dagster.core.digest import digest_of
from mmsearch_dagster.core.errors import MmsearchError
from mmsearch_dagster.core.fusion.config import Strategy, TrainParams
from mmsearch_dagster.pipeline.report import StepReport, timed
from mmsearch_dagster.pipeline.training import examples
from mmsearch_dagster.pipeline.training.stored_examples import read_examples
from mmsearch_dagster.pipeline.workspace import Workspace

ASSET = "hyper_parameters"
CODE_VERSION = "1"
_TRIALS = "trials.parquet"
_METRIC = "dev_ndcg@10"


class SearchFacts(Facts):
    """What a search chose. examples: their digest. base: digest of the configured parameters.

    params: strategy -> the parameters of its best trial. gained: strategy -> how much better it was.
    trials, minutes: the budget.
    """

    examples: str
    base: str
    params: dict[str, TrainParams]
    gained: dict[str, float]
    trials: int
    minutes: float


def base_of(workspace: Workspace) -> str:
    """Names the configured parameters that a search begins with."""
    return digest_of({"code": CODE_VERSION, "train": workspace.preset.train.model_dump()})


def search(workspace: Workspace, *, trials: int = 0, minutes: float = 60) -> StepReport:
    """Searches the parameters of every strategy of the preset; without trials says which ones are used.

    Args:
        workspace: with training examples.
        trials: for each strategy.
        minutes: for each strategy; the trial under way is finished.

    Raises:
        ConfigError: Optuna is not installed.
    """
    with timed(ASSET) as report:
        source = workspace.lake.current(examples.ASSET)
        if trials < 1:
            report.made, used = False, used_search(workspace, source)
            report.note = f"those of the search {used.digest[:10]}" if used else "as configured"
            return report
        check_installed()
        base = base_of(workspace)
        facts = {"base": base, "examples": source.digest, "strategies": workspace.preset.strategies}
        snapshot, made = workspace.lake.obtain(
            ASSET,
            digest_of({**facts, "trials": trials, "minutes": minutes}),
            # No inputs: the trainings of later examples may go on using it.
            lambda folder: _search(workspace, source, SearchBudget(trials, minutes), folder).model_dump(),
        )
        report.about(snapshot, made)
        report.tables["trials, the best first"] = pl.read_parquet(snapshot.folder / _TRIALS)
        gained = SearchFacts.of(snapshot).gained
        report.metrics |= {f"gained, {strategy}": value for strategy, value in gained.items()}
    return report


def used_search(workspace: Workspace, source: Snapshot) -> Snapshot | None:
    """The search whose parameters a training on these examples uses; None where none is.

    That of this run, or the one that the released model came of; from other configured parameters neither.
    """
    newest = _current(workspace)
    if newest is None:
        return None
    if _fits(workspace, newest) and SearchFacts.of(newest).examples == source.digest:
        return newest
    released = _released(workspace)
    return released if released is not None and _fits(workspace, released) else None


def _fits(workspace: Workspace, snapshot: Snapshot) -> bool:
    """Whether a search began with the parameters that are configured now."""
    return SearchFacts.of(snapshot).base == base_of(workspace)


def params_of(workspace: Workspace, strategy: Strategy, source: Snapshot) -> TrainParams:
    """The parameters that a strategy is trained with on these examples."""
    used = used_search(workspace, source)
    chosen = SearchFacts.of(used).params.get(strategy) if used else None
    return chosen or workspace.preset.train


def _current(workspace: Workspace) -> Snapshot | None:
    try:
        return workspace.lake.current(ASSET)
    except MmsearchError:  # nobody ever searched here
        return None


def _released(workspace: Workspace) -> Snapshot | None:
    """The search that the released model came of."""
    champion = workspace.registry.champion() if workspace.paths.mlflow.is_dir() else None
    digest = champion.snapshots.get(ASSET) if champion else None
    return workspace.lake.find(ASSET, digest) if digest else None


def _search(workspace: Workspace, source: Snapshot, budget: SearchBudget, folder: Path) -> SearchFacts:
    configured = workspace.preset.train
    by_strategy: dict[str, list[FinishedTrial]] = {
        strategy: _study(workspace, source, strategy, budget) for strategy in workspace.preset.strategies
    }
    rows = [
        {"strategy": strategy, "trial": trial.number, _METRIC: round(trial.value, 4), **trial.params}
        for strategy, trials in by_strategy.items()
        for trial in sorted(trials, key=lambda each: -each.value)
    ]
    pl.DataFrame(rows, infer_schema_length=None).write_parquet(folder / _TRIALS)
    best = {strategy: best_trial(trials) for strategy, trials in by_strategy.items()}
    return SearchFacts(
        rows=len(rows),
        examples=source.digest,
        base=base_of(workspace),
        trials=budget.trials,
        minutes=budget.minutes,
        params={strategy: with_values(configured, trial.params) for strategy, trial in best.items()},
        gained={s: round(trial.value - by_strategy[s][0].value, 4) for s, trial in best.items()},
    )


def _study(
    workspace: Workspace, source: Snapshot, strategy: Strategy, budget: SearchBudget
) -> list[FinishedTrial]:
    """The trials of one strategy, each a nested run in MLflow."""
    from mmsearch_dagster.core.fusion.training import train

    params, stage = workspace.preset.train, f"search {strategy}"
    read = read_examples(source)
    workspace.progress.start(stage, budget.trials)
    with workspace.tracking.strategy(workspace.tracking.refresh(source.digest), stage) as log:

        def objective(trial: Any) -> float:
            chosen = suggested(trial, params)
            with workspace.tracking.strategy(log.run_id, f"{strategy}, trial {trial.number}") as trial_log:
                trial_log.params({"strategy": strategy, **{k: str(v) for k, v in trial.params.items()}})
                trained = train(strategy, read, chosen)
                value = dict(trained.dev_curve)[trained.best_step]
                value = value if value == value else 0.0  # no held-out query: nothing to choose by
                trial_log.metrics({_METRIC: value})
            workspace.progress.advance(stage, 1)
            return value

        trials = run_study(
            workspace.paths.searches,
            f"{strategy} {base_of(workspace)[:10]} {source.digest[:16]}",
            objective,
            first=starting_values(params),
            budget=budget,
            seed=params.seed,
        )
        log.metrics({_METRIC: best_trial(trials).value, "trials": len(trials)})
    workspace.progress.finish(stage)
    return trials
