"""One refresh in this process: Dagster runs the assets, the terminal shows them."""

import json
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict
from typing import TYPE_CHECKING, NoReturn

import polars as pl

from mmsearch_dagster.adapters.host.home import enough_space
from mmsearch_dagster.adapters.host.run_lock import PATIENCE_SECONDS, alone
from mmsearch_dagster.adapters.hyper_parameters.study import SearchBudget, check_installed
from mmsearch_dagster.adapters.lake.snapshots import Lake
from mmsearch_dagster.cli.display import tables
from mmsearch_dagster.cli.display.progress import Display, console
from mmsearch_dagster.cli.display.quarantine import show_counts
from mmsearch_dagster.core.errors import GateRefusedError, IndexCheckError, MmsearchError
from mmsearch_dagster.core.gate.decision import Decision
from mmsearch_dagster.core.monitoring.alerts import FailedRun
from mmsearch_dagster.defs.dagster_home import COMMAND_RUN, end_dead_runs, prepare_dagster
from mmsearch_dagster.pipeline.evaluation.files import ASSET, DECISION, QUALITY, TESTED
from mmsearch_dagster.pipeline.home import check_same_shop, in_words, remember
from mmsearch_dagster.settings import Settings

if TYPE_CHECKING:
    from dagster import DagsterEvent
    from dagster_shared.error import SerializableErrorInfo


def run(settings: Settings, *, retrain: bool = False, search: SearchBudget | None = None) -> str | None:
    """Refresh and show what came of it. Raises what stopped it.

    Args:
        settings: of the run.
        retrain: train models also where only the catalogue changed.
        search: of hyper-parameters, before the training.

    Returns:
        A sentence about releases that wait for a review, None where none does.
    """
    with enough_space(settings.home):
        check(settings)
    if search is not None:
        check_installed()
    try:
        _refresh(settings, retrain=retrain or search is not None, search=search)
    except MmsearchError as error:
        # What another library said may hold a secret: of that the step alone.
        reason = str(error) if type(error) is not MmsearchError else str(error).split(": ")[0]
        refused = isinstance(error, GateRefusedError)
        _follow_up(settings, FailedRun(job="refresh", reason=reason, refused=refused))
        raise
    _follow_up(settings)
    _show_kind(settings)
    return _show_waiting(settings)


def _follow_up(settings: Settings, failed: FailedRun | None = None) -> None:
    """Today's figures and alerts; the run is over and its end stands, whatever becomes of them."""
    from mmsearch_dagster.pipeline.monitoring.after_run import after_run
    from mmsearch_dagster.pipeline.workspace import Workspace

    after_run(Workspace(settings), failed)


def _refresh(settings: Settings, *, retrain: bool, search: SearchBudget | None) -> None:
    with enough_space(settings.home), alone_in(settings):
        # Now: it can be read, is of this home's shop, and no other run is under way. What comes after is no
        # reason to forget it: a run that is stopped or refused is started again with the same.
        remember(settings)
        console.print(f"In {settings.home}: {in_words(settings.options)}", highlight=False, markup=False)
        prepare_dagster(settings)
        try:
            with Display():
                _execute(settings, retrain, search)
        except GateRefusedError:
            show_counts(settings.home)
            _show_kind(settings)
            raise
        except KeyboardInterrupt:
            console.print("Stopped: what is finished is kept, the same command goes on from there.")
            raise


def _show_waiting(settings: Settings) -> str | None:
    from mmsearch_dagster.pipeline.release.reviews import Reviews
    from mmsearch_dagster.pipeline.workspace import Workspace

    waiting = [review.manifest for review in Reviews(Workspace(settings).registry).waiting()]
    if not waiting:
        return None
    message = f"{waiting[-1].release_id} waits for a review: `mmsearch approve {waiting[-1].model_version}`."
    console.print(message, highlight=False, markup=False, soft_wrap=True)
    return message


def alone_in(settings: Settings) -> AbstractContextManager[None]:
    """The home to this process alone; a look of `watch` is waited for, and the terminal says so."""
    message = (
        f"In {settings.home} a step of Dagster's is at work: waiting for it, {PATIENCE_SECONDS} s at most."
    )
    return alone(settings.paths.lock, lambda: console.print(message, highlight=False, markup=False))


def check(settings: Settings) -> None:
    """The user's mistakes come out before anything is written: a shop that cannot be read, or is not the
    one whose releases the home holds; a reviewed file that is wrong."""
    from mmsearch_dagster.adapters.sources.source import load_source
    from mmsearch_dagster.pipeline.check_config import check_reviewed_files
    from mmsearch_dagster.pipeline.workspace import Workspace

    if settings.source is not None:
        load_source(settings.source, settings.root, require=("products",))
    workspace = Workspace(settings)
    check_reviewed_files(workspace)
    check_same_shop(workspace)


def _show_kind(settings: Settings) -> None:
    """Whether models were trained and why; if so, what the gate says of them."""
    from mmsearch_dagster.pipeline.release.catalogue_refresh import last_refresh
    from mmsearch_dagster.pipeline.workspace import Workspace

    facts = last_refresh(Workspace(settings))
    if facts.retrain:
        show_gate(settings)
    message = f"{facts.why[0].upper()}{facts.why[1:]}."
    console.print(message, highlight=False, markup=False, soft_wrap=True)


def _execute(settings: Settings, retrain: bool, search: SearchBudget | None) -> None:
    import dagster as dg

    from mmsearch_dagster.defs.loading import everything
    from mmsearch_dagster.defs.resources import resource_of
    from mmsearch_dagster.pipeline.release.catalogue_refresh import ASSET as CATALOGUE_REFRESH
    from mmsearch_dagster.pipeline.training.hyper_parameters import ASSET as HYPER_PARAMETERS

    job = everything().resolve_job_def("refresh")
    config = {
        "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
        # We are alone in the home already: its steps wait for nobody.
        "resources": {"workspace": {"config": {**resource_of(settings).model_dump(), "waits": False}}},
        "ops": {
            CATALOGUE_REFRESH: {"config": {"retrain": retrain}},
            HYPER_PARAMETERS: {"config": asdict(search) if search else {}},
        },
    }
    with dg.DagsterInstance.get() as instance:
        end_dead_runs(instance, tags=COMMAND_RUN)
        result = job.execute_in_process(
            run_config=config, tags=COMMAND_RUN, instance=instance, raise_on_error=False
        )
        if result.success:
            return
        failures = [event for event in result.all_events if event.is_step_failure]
    _raise(failures, settings)


def _raise(failures: "Sequence[DagsterEvent]", settings: Settings) -> NoReturn:
    """The first failure as the error it was."""
    family = {kind.__name__: kind for kind in _family(MmsearchError)}
    for event in failures:
        chain = list(_chain(event.step_failure_data.error))
        ours = next((error for error in chain if error.cls_name in family), None)
        if ours is not None:
            raise family[ours.cls_name or ""](_text(ours))
        if any(error.cls_name == "DagsterExecutionInterruptedError" for error in chain):
            raise KeyboardInterrupt
        if any(error.cls_name == "DagsterAssetCheckFailedError" for error in chain):
            raise _refusal(event.step_key or "", settings)
        if chain:
            raise MmsearchError(f"step {event.step_key} failed: {' '.join(chain[-1].message.split())}")
    raise MmsearchError("the run failed before any step; `mmsearch up` shows it in Dagster")


def _chain(error: "SerializableErrorInfo | None") -> "Iterator[SerializableErrorInfo]":
    """Outermost first: ours may have been raised from a library's error, and Dagster wraps both.

    Without the text that another process's error brings along as its cause.
    """
    while error is not None:
        if error.cls_name != "_RemoteTraceback":
            yield error
        error = error.cause


def _text(error: "SerializableErrorInfo") -> str:
    """The message without the name of its class."""
    return error.message.split(":", 1)[-1].strip()


def _refusal(step: str, settings: Settings) -> MmsearchError:
    """Why a blocking check stopped the run."""
    if step != "challenger":
        return IndexCheckError(f"nothing was released: a blocking check of {step} failed, see it in Dagster")
    refusals = "; ".join(Decision.from_json(_decision(settings)).refusals)
    return GateRefusedError(f"{_served(settings)}; the gate refuses the new model: {refusals}")


def _served(settings: Settings) -> str:
    """What answers after a refusal."""
    from mmsearch_dagster.cli.options import released_of

    release_id = released_of(settings.home).release_id()
    if release_id is None:
        return "nothing was released"
    return f"no new model was released, {release_id} answers with the catalogue of now"


def _family(kind: type[MmsearchError]) -> Iterator[type[MmsearchError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _family(child)


def show_gate(settings: Settings) -> None:
    """Quality and the gate's table of the latest evaluation; the test split's figures where there is one."""
    from mmsearch_dagster.core.evaluation.quality_table import ALL
    from mmsearch_dagster.pipeline.evaluation.evaluate import TEST_TITLE
    from mmsearch_dagster.pipeline.workspace import Workspace

    report = Lake(settings.paths.lake).current(ASSET).folder
    measured, metric = pl.read_parquet(report / QUALITY), Workspace(settings).gate_policy.metric
    for kind in measured["kind"].unique(maintain_order=True):
        console.print(tables.quality(measured, kind, metric))
    if (report / TESTED).exists():
        tested = tables.quality(pl.read_parquet(report / TESTED), ALL, metric)
        tested.title = f"{TEST_TITLE}: {tested.title}"
        console.print(tested)
    console.print(tables.gate(json.loads(_decision(settings))))


def _decision(settings: Settings) -> str:
    report = Lake(settings.paths.lake).current(ASSET).folder
    return (report / DECISION).read_text(encoding="utf-8")
