"""Sensors that alert after runs that Dagster launches; Dagster's own Slack and e-mail ones for failures."""

import os
from collections.abc import Iterator, Sequence

import dagster as dg

from mmsearch_dagster.core.errors import ConfigError, GateRefusedError, MmsearchError
from mmsearch_dagster.core.monitoring.alert_policy import AlertPolicy
from mmsearch_dagster.core.monitoring.alerts import FailedRun
from mmsearch_dagster.defs.assets.monitoring import watch
from mmsearch_dagster.defs.resources import watching_workspace
from mmsearch_dagster.pipeline.monitoring.after_run import after_run
from mmsearch_dagster.pipeline.workspace import ALERT_POLICY, read_alert_policy
from mmsearch_dagster.settings import assets_folder

_GATE_STEP, _POINTER_STEP = "challenger", "release"


@dg.run_failure_sensor(
    name="alert_failed_run",
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Tells the sinks of alerts.yaml of a failed run and of a refused model.",
)
def alert_failed_run(context: dg.RunFailureSensorContext) -> None:
    after_run(watching_workspace(), failed_run(context))


@dg.run_status_sensor(
    name="alert_after_run",
    run_status=dg.DagsterRunStatus.SUCCESS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Tells the sinks of alerts.yaml of drift, quarantine and an old release.",
)
def alert_after_run(context: dg.RunStatusSensorContext) -> None:
    after_run(watching_workspace(), watched=context.dagster_run.job_name == watch.name)


def failed_run(context: dg.RunFailureSensorContext) -> FailedRun:
    """The run of a failure, without the words of errors that are not this project's own."""
    events = context.get_step_failure_events()
    steps = (
        ", ".join(dict.fromkeys(event.step_key for event in events if event.step_key)) or "before any step"
    )
    return FailedRun(
        job=context.dagster_run.job_name,
        reason=f"failed at {steps or 'its start'}: {_reason(events)}",
        run_id=context.dagster_run.run_id,
        refused=_is_refusal(events),
    )


def _is_refusal(events: "Sequence[dg.DagsterEvent]") -> bool:
    """Whether the gate stopped the run: at the challenger, or once its index was measured."""
    names = [(event.step_key, name) for event in events for name, _ in _errors(event)]
    return any(
        (step == _GATE_STEP and "AssetCheckFailed" in name)
        or (step == _POINTER_STEP and name == GateRefusedError.__name__)
        for step, name in names
    )


def _reason(events: "Sequence[dg.DagsterEvent]") -> str:
    """The first message of an error of ours; of another the name of its class alone."""
    ours = {kind.__name__ for kind in _family(MmsearchError)}
    errors = [pair for event in events for pair in _errors(event)]
    for name, message in errors:
        if name in ours:
            return message.split(":", 1)[-1].strip()
    return errors[-1][0] if errors else "see it in Dagster"


def _errors(event: "dg.DagsterEvent") -> Iterator[tuple[str, str]]:
    error = event.step_failure_data.error
    while error is not None:
        yield error.cls_name or "error", error.message
        error = error.cause


def _family(kind: type[MmsearchError]) -> Iterator[type[MmsearchError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _family(child)


def configured_sensors(policy: AlertPolicy) -> list[dg.SensorDefinition]:
    """Dagster's own sensors for failed runs, as the policy names them. Raises ConfigError."""
    sensors: list[dg.SensorDefinition] = []
    if policy.slack is not None:
        try:
            from dagster_slack import make_slack_on_run_failure_sensor
        except ImportError as error:
            raise ConfigError(
                f"{ALERT_POLICY}: 'slack' needs the package dagster-slack: `pip install dagster-slack`"
            ) from error
        sensors.append(
            make_slack_on_run_failure_sensor(
                channel=policy.slack.channel,
                slack_token=_secret(policy.slack.token_from),
                default_status=dg.DefaultSensorStatus.RUNNING,
            )
        )
    if policy.email is not None:
        email = policy.email
        sensors.append(
            dg.make_email_on_run_failure_sensor(
                email_from=email.sender,
                email_password=_secret(email.password_from),
                email_to=email.recipients,
                smtp_host=email.host,
                smtp_port=email.port,
                default_status=dg.DefaultSensorStatus.RUNNING,
            )
        )
    return sensors


def _secret(variable: str) -> str:
    value = os.environ.get(variable)
    if not value:
        raise ConfigError(f"{ALERT_POLICY}: the environment variable {variable} is not set")
    return value


@dg.definitions
def alerts() -> dg.Definitions:
    """The sensors after runs."""
    configured = configured_sensors(read_alert_policy(assets_folder()))
    return dg.Definitions(sensors=[alert_failed_run, alert_after_run, *configured])
