"""Alerts after the runs of Dagster."""

import json
from pathlib import Path

import dagster as dg
import pytest

from mmsearch_dagster.core.errors import ConfigError, SourceError
from mmsearch_dagster.core.monitoring.alert_policy import parse_alerts
from mmsearch_dagster.defs.loading import everything
from mmsearch_dagster.defs.sensors.alerts import alert_failed_run, configured_sensors, failed_run


@dg.op
def ours() -> None:
    raise SourceError("products.csv cannot be read: no such file")


@dg.op
def theirs() -> None:
    raise ValueError("could not connect to postgres://shop:hunter2@db")


@dg.job
def breaks_by_us() -> None:
    ours()


@dg.job
def breaks_by_others() -> None:
    theirs()


def failure_of(job: dg.JobDefinition, instance: dg.DagsterInstance) -> dg.RunFailureSensorContext:
    result = job.execute_in_process(instance=instance, raise_on_error=False)
    return dg.build_run_status_sensor_context(
        sensor_name="alert_failed_run",
        dagster_event=result.get_run_failure_event(),
        dagster_instance=instance,
        dagster_run=result.dagster_run,
    ).for_run_failure()


def test_a_failed_run_is_told_by_our_own_words_and_by_no_others() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        first = failed_run(failure_of(breaks_by_us, instance))
        second = failed_run(failure_of(breaks_by_others, instance))

    assert first.reason == "failed at ours: products.csv cannot be read: no such file"
    assert not first.refused
    assert second.reason == "failed at theirs: ValueError"


def test_the_sensor_sends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MMSEARCH_HOME", str(tmp_path))
    with dg.DagsterInstance.ephemeral() as instance:
        alert_failed_run(failure_of(breaks_by_us, instance))

    (line,) = (tmp_path / "alerts" / "alerts.ndjson").read_text().splitlines()
    assert json.loads(line)["title"] == "The run of breaks_by_us failed"


def test_both_sensors_are_on_from_the_first_start() -> None:
    sensors = {sensor.name: sensor for sensor in everything().sensors or ()}

    for name in ("alert_failed_run", "alert_after_run"):
        assert sensors[name].default_status == dg.DefaultSensorStatus.RUNNING


def test_slack_and_email_are_dagsters_own_sensors_by_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    policy = parse_alerts(
        "slack: {channel: '#search', token_from: SLACK}\n"
        "email: {sender: a@shop.example, recipients: [b@shop.example], password_from: MAIL}",
        "alerts.yaml",
    )
    with pytest.raises(ConfigError, match="the environment variable SLACK is not set"):
        configured_sensors(policy)
    monkeypatch.setenv("SLACK", "xoxb-1")
    monkeypatch.setenv("MAIL", "hunter2")

    names = [sensor.name for sensor in configured_sensors(policy)]

    assert names == ["slack_on_run_failure", "email_on_run_failure"]
    assert configured_sensors(parse_alerts("", "alerts.yaml")) == []
