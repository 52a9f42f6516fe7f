"""Trains one candidate per fusion strategy; each is a nested MLflow run and a folder in the lake."""

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import polars as pl

from mmsearch_dagster.adapters.host.cores import cores
from mmsearch_dagster.adapters.host.process_pool import map_in_processes
from mmsearch_dagster.adapters.lake.snapshots import Facts, Snapshot
from mmsearch_dagster.core.digest import digest_of
from mmsearch_dagster.core.fusion.config import STRATEGIES, Strategy
from mmsearch_dagster.pipeline.report import StepReport, timed
from mmsearch_dagster.pipeline.training import examples
from mmsearch_dagster.pipeline.training.hyper_parameters import params_of, used_search
from mmsearch_dagster.pipeline.training.stored_examples import read_examples
from mmsearch_dagster.pipeline.workspace import Workspace
from mmsearch_dagster.settings import Settings

PICTURE = "training.png"
_CURVES = "curves.json"
# Raised when the model's or the loop's code changes what the same parameters give.
CODE_VERSION = "6"
# What a process takes to begin: about as long as so many steps of a small shop.
_STEPS_WORTH_A_PROCESS = 100
_BYTES_AT_ONCE = 2 * 2**30


class CandidateFacts(Facts):
    """What later steps read of a candidate. weights: their sha256; best_step: the one that was kept."""

    weights: str
    mlflow_run: str
    best_step: int
    steps: int
    dev_ndcg: float | None = None


def asset_of(strategy: Strategy) -> str:
    """Name of the asset with one strategy's candidate."""
    return f"fusion_{strategy}"


def train_candidates(workspace: Workspace, strategies: Sequence[Strategy]) -> list[StepReport]:
    """Train these strategies on the current examples, several at once; one report each, in their order.

    The same inputs are never trained twice. A strategy that the preset leaves out is not trained.
    """
    source = workspace.lake.current(examples.ASSET)
    missing: list[Strategy] = [
        strategy
        for strategy in strategies
        if strategy in workspace.preset.strategies
        and workspace.lake.find(asset_of(strategy), _digest(workspace, strategy, source)) is None
    ]
    if missing:
        workspace.tracking.refresh(source.digest)  # all find this one parent, whichever comes first
    work = partial(_train_in_process, workspace.settings, workspace.assets)
    made = map_in_processes(work, missing, processes=training_processes(workspace, source))
    reports = dict(zip(missing, made, strict=True))
    return [reports.get(strategy) or train_candidate(workspace, strategy) for strategy in strategies]


def training_processes(workspace: Workspace, source: Snapshot) -> int:
    """How many trainings on these examples run at once.

    Each process holds the examples; a short training is over before another process has begun.
    """
    params = workspace.preset.train
    if params.steps < _STEPS_WORTH_A_PROCESS:
        return 1
    size = sum(file.stat().st_size for file in source.folder.iterdir())
    return max(1, min(cores() // params.threads, _BYTES_AT_ONCE // max(size, 1)))


def _train_in_process(settings: Settings, assets: Path, strategy: Strategy) -> StepReport:
    return train_candidate(Workspace(settings, assets), strategy)


def train_candidate(workspace: Workspace, strategy: Strategy) -> StepReport:
    """Like `train_candidates` of one."""
    if strategy not in workspace.preset.strategies:
        return StepReport(asset_of(strategy), made=False, note="left out by presets/run.yaml")
    with timed(asset_of(strategy)) as report:
        source = workspace.lake.current(examples.ASSET)
        search = used_search(workspace, source)
        snapshot, made = workspace.lake.obtain(
            asset_of(strategy),
            _digest(workspace, strategy, source),
            lambda folder: _train(workspace, strategy, source, folder).model_dump(),
            inputs=[source, *([search] if search else [])],
        )
        report.about(snapshot, made)
        report.images["loss and held-out nDCG@10"] = (snapshot.folder / PICTURE).read_bytes()
    return report


def _digest(workspace: Workspace, strategy: Strategy, source: Snapshot) -> str:
    params = params_of(workspace, strategy, source).model_dump()
    return digest_of(
        {"code": CODE_VERSION, "examples": source.digest, "strategy": strategy, "params": params}
    )


def _train(workspace: Workspace, strategy: Strategy, source: Snapshot, folder: Path) -> CandidateFacts:
    from mmsearch_dagster.core.fusion.model import save_model
    from mmsearch_dagster.core.fusion.training import train

    params = params_of(workspace, strategy, source)
    stage = f"train {strategy}"
    read = read_examples(source)
    workspace.progress.start(stage, params.steps)
    parent = workspace.tracking.refresh(source.digest)
    with workspace.tracking.strategy(parent, strategy) as log:
        log.params({"strategy": strategy, **{k: str(v) for k, v in params.model_dump().items()}})
        log.dataset(examples.ASSET, source.digest, len(read.train.queries))
        trained = train(strategy, read, params, on_step=lambda step: workspace.progress.advance(stage, 1))
        sha = save_model(trained.model, folder)
        for step, value in trained.loss_curve:
            log.curve("loss", step, value)
        for step, value in trained.dev_curve:
            log.curve("dev_ndcg@10", step, value)
        (folder / PICTURE).write_bytes(_image(strategy, trained.loss_curve, trained.dev_curve))
        log.figure("training", (folder / PICTURE).read_bytes())
        run_id = log.run_id
    workspace.progress.finish(stage)
    (folder / _CURVES).write_text(json.dumps({"loss": trained.loss_curve, "dev": trained.dev_curve}))
    kept = dict(trained.dev_curve)[trained.best_step]
    return CandidateFacts(
        rows=len(read.train.queries),
        weights=sha,
        mlflow_run=run_id,
        best_step=trained.best_step,
        steps=trained.steps,
        dev_ndcg=round(kept, 4) if kept == kept else None,
    )


def _image(strategy: str, loss: tuple[tuple[int, float], ...], dev: tuple[tuple[int, float], ...]) -> bytes:
    from mmsearch_dagster.adapters.reports.charts import curves

    highest = max((value for _, value in loss), default=1.0) or 1.0
    relative = [(step, value / highest) for step, value in loss]
    measured = [(step, value) for step, value in dev if value == value]
    lines = {"loss / its highest": relative} | ({"held-out nDCG@10": measured} if measured else {})
    return curves(lines, title=f"Training: {strategy}", y_label="")


def candidates_of(workspace: Workspace) -> dict[Strategy, Snapshot]:
    """The current candidate of every strategy of the preset."""
    return {
        strategy: workspace.lake.current(asset_of(strategy))
        for strategy in STRATEGIES
        if strategy in workspace.preset.strategies
    }


def candidate_table(candidates: dict[Strategy, Snapshot]) -> pl.DataFrame:
    """What each candidate says about its training."""
    facts = {name: CandidateFacts.of(snapshot) for name, snapshot in candidates.items()}
    rows = [
        {
            "strategy": name,
            "best step": candidate.best_step,
            "steps": candidate.steps,
            "dev nDCG@10": candidate.dev_ndcg,
        }
        for name, candidate in facts.items()
    ]
    return pl.DataFrame(rows)
