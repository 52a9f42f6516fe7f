"""A search that can be stopped: its trials are kept in a SQLite file, by Optuna."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmsearch_dagster.adapters.hyper_parameters.search_space import Value
from mmsearch_dagster.core.errors import ConfigError

if TYPE_CHECKING:
    from optuna import Study


@dataclass(frozen=True)
class SearchBudget:
    """trials: over all tries of one study. minutes: of one try; the trial under way is finished."""

    trials: int
    minutes: float


@dataclass(frozen=True)
class FinishedTrial:
    """number: in the order of the study. value: what is to be as large as possible."""

    number: int
    value: float
    params: Mapping[str, Value]


def check_installed() -> None:
    """Raises ConfigError where Optuna is not installed."""
    try:
        import optuna  # noqa: F401
    except ImportError as error:
        raise ConfigError(
            "a search over hyper-parameters needs Optuna: `pip install -e '.[search]'`, or leave "
            "--search-trials out"
        ) from error


def run_study(
    file: Path,
    name: str,
    objective: Callable[[Any], float],
    *,
    first: Mapping[str, Value],
    budget: SearchBudget,
    seed: int,
) -> list[FinishedTrial]:
    """Goes on with the study `name` until its budget is used up.

    Args:
        file: the database; made when it is not there.
        name: a study of that name goes on where it was stopped.
        objective: an Optuna trial -> value, the larger the better.
        first: the parameters of the first trial.
        budget: trials and minutes.
        seed: of the sampler; the same seed, budget and objective give the same trials.

    Returns:
        Every finished trial, in order.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    file.parent.mkdir(parents=True, exist_ok=True)
    study = optuna.create_study(
        storage=f"sqlite:///{file.resolve()}", study_name=name, direction="maximize", load_if_exists=True
    )
    _end_killed(study)
    done = len(_finished(study))
    study.sampler = optuna.samplers.TPESampler(seed=seed + done)
    if not done:
        study.enqueue_trial(dict(first), skip_if_exists=True)
    if done < budget.trials:
        study.optimize(objective, n_trials=budget.trials - done, timeout=60 * budget.minutes)
    return _finished(study)


def _end_killed(study: "Study") -> None:
    """A trial that a killed process left running is no trial."""
    import optuna

    for trial in study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.RUNNING,)):
        study.tell(trial.number, state=optuna.trial.TrialState.FAIL)


def _finished(study: "Study") -> list[FinishedTrial]:
    import optuna

    trials = study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.COMPLETE,))
    return [FinishedTrial(trial.number, float(trial.value or 0.0), trial.params) for trial in trials]


def best_trial(trials: Sequence[FinishedTrial]) -> FinishedTrial:
    """The largest value; of equal ones the first, which is the configured one where nothing is better."""
    return max(trials, key=lambda trial: (trial.value, -trial.number))
