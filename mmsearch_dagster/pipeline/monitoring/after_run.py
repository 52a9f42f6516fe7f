"""What happens after a run: today's figures are kept, and alerts are sent."""

import json
import logging
from collections.abc import Iterable
from pathlib import Path

from filelock import FileLock

from mmsearch_dagster.adapters.alerts.sinks import AlertSink, sinks_of
from mmsearch_dagster.adapters.lake.snapshots import write_atomically
from mmsearch_dagster.core.clock import Clock
from mmsearch_dagster.core.monitoring.alert_policy import AlertPolicy
from mmsearch_dagster.core.monitoring.alerts import Alert, FailedRun, alerts_of, is_due, with_sent
from mmsearch_dagster.pipeline.monitoring.collect import collect_day
from mmsearch_dagster.pipeline.workspace import Workspace

_LOG = logging.getLogger(__name__)
_SENT = "sent.json"


def after_run(workspace: Workspace, failed: FailedRun | None = None, *, watched: bool = False) -> list[Alert]:
    """Keeps today's figures and sends the alerts that are due. Raises nothing: it may break no run.

    Args:
        workspace: the home.
        failed: the run, where it failed.
        watched: the monitors have just looked; else the drift of the last look stands.

    Returns:
        What at least one sink sent.
    """
    try:
        policy = workspace.alert_policy
        day = collect_day(workspace, watched=watched)
        alerts = list(alerts_of(day, policy, workspace.clock(), failed))
        sinks = sinks_of(policy, workspace.paths.alerts)
        return send_alerts(alerts, sinks, policy, folder=workspace.paths.alerts, clock=workspace.clock)
    except Exception as error:
        _LOG.warning("what follows a run broke off: %s: %s", type(error).__name__, error)
        return []


def send_alerts(
    alerts: Iterable[Alert], sinks: Iterable[AlertSink], policy: AlertPolicy, *, folder: Path, clock: Clock
) -> list[Alert]:
    """Sends each alert to each sink that has not sent it within the cool-down.

    A sink that fails is tried again with the next run; the others are not kept from sending.

    Args:
        alerts: what there is to say.
        sinks: where.
        policy: its cool-down.
        folder: holds what was sent when.
        clock: the time.

    Returns:
        What at least one sink sent now.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".lock"):
        times, now, passed_on = _sent_times(folder / _SENT), clock(), []
        targets = list(sinks)
        for alert in alerts:
            for sink in targets:
                sent = times.get(sink.name, {})
                if is_due(alert, sent, now, policy.cool_down_hours) and _is_sent(sink, alert):
                    times[sink.name] = with_sent(sent, alert, now, policy.cool_down_hours)
                    passed_on.append(alert)
        write_atomically(folder / _SENT, json.dumps(times, indent=1).encode("utf-8"))
    return list(dict.fromkeys(passed_on))


def _is_sent(sink: AlertSink, alert: Alert) -> bool:
    try:
        sink.send(alert)
    except Exception as error:  # a sink of somebody else's may raise anything
        _LOG.warning("the alert '%s' was not sent: %s", alert.title, error)
        return False
    return True


def _sent_times(file: Path) -> dict[str, dict[str, str]]:
    """Empty where nothing was sent, or the file is damaged: an alert twice is better than none."""
    try:
        times = json.loads(file.read_text(encoding="utf-8"))
        return {str(sink): {str(k): str(v) for k, v in sent.items()} for sink, sent in times.items()}
    except (OSError, ValueError, AttributeError):
        return {}
