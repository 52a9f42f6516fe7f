"""Which events give an alert, and that the same one is not sent twice."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mmsearch_dagster.core.errors import ConfigError
from mmsearch_dagster.core.monitoring.alert_policy import AlertPolicy, parse_alerts
from mmsearch_dagster.core.monitoring.alerts import Alert, FailedRun, alerts_of, is_due, with_sent
from mmsearch_dagster.core.monitoring.daily_metrics import DailyMetrics
from tests.status_month import month

POLICY = AlertPolicy()
NOW = datetime(2026, 5, 30, 18, tzinfo=UTC)


def day(number: int) -> tuple[DailyMetrics, datetime]:
    """That day of the month, and its evening."""
    status = month(number)
    return status.days[-1], status.now


def titles(number: int, policy: AlertPolicy = POLICY, failed: FailedRun | None = None) -> list[str]:
    return [alert.title for alert in alerts_of(*_with(number, policy), failed)]


def _with(number: int, policy: AlertPolicy) -> tuple[DailyMetrics, AlertPolicy, datetime]:
    metrics, now = day(number)
    return metrics, policy, now


def test_a_calm_day_gives_no_alert() -> None:
    assert titles(30) == []


def test_drift_a_bad_batch_and_a_refused_model_each_give_one_on_their_day() -> None:
    assert titles(12) == ["data drift is outside its bounds"]
    assert titles(17) == ["Many rows of products are in quarantine"]
    assert titles(20) == ["The gate refused r-0000000014"]


def test_a_failed_run_gives_one_unless_it_was_the_gate_that_stopped_it() -> None:
    failed = FailedRun(job="refresh", reason="failed at products_raw: no such file", run_id="abc")

    (alert,) = alerts_of(*_with(30, POLICY), failed)

    assert (alert.kind, alert.title) == ("failed_run", "The run of refresh failed")
    assert alert.text == "failed at products_raw: no such file (run abc)"
    assert titles(20, failed=failed.model_copy(update={"refused": True})) == ["The gate refused r-0000000014"]


def test_a_release_that_is_older_than_the_policy_says_gives_one() -> None:
    metrics, now = day(10)

    old = list(alerts_of(metrics, POLICY, now + timedelta(days=8)))

    assert [(alert.kind, alert.key) for alert in old] == [("stale_release", "r-000000000a")]
    assert "8 days ago, the policy warns after 7" in old[0].text


def test_the_reviewed_file_says_what_holds_without_one() -> None:
    file = Path(__file__).parents[3] / "assets" / "policies" / "alerts.yaml"

    assert parse_alerts(file.read_text(encoding="utf-8"), str(file)) == POLICY


def test_an_event_can_be_switched_off_in_the_file() -> None:
    quiet = parse_alerts(
        "events: {drift: false, quarantine_share: null, refused_model: false}", "alerts.yaml"
    )

    assert titles(12, quiet) == titles(17, quiet) == titles(20, quiet) == []


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("cool_down: 3", "cool_down: unknown key; did you mean 'cool_down_hours'?"),
        ("events: {drfit: true}", "events.drfit: unknown key; did you mean 'drift'?"),
        (
            "webhooks: [{address_from: 'https://hooks.example/secret'}]",
            "webhooks.0.address_from: String should",
        ),
        ("events: {quarantine_share: 2}", "events.quarantine_share: Input should be less than or equal to 1"),
    ],
)
def test_a_slip_in_the_file_is_one_sentence_with_its_place(text: str, complaint: str) -> None:
    with pytest.raises(ConfigError) as error:
        parse_alerts(text, "alerts.yaml")
    assert str(error.value).startswith("alert policy alerts.yaml: ")
    assert complaint in str(error.value)


def test_the_same_alert_waits_for_the_cool_down_and_another_does_not() -> None:
    alert = Alert(kind="drift", key="data_drift", title="", text="", when="")
    sent = with_sent({}, alert, NOW, 24)

    assert is_due(alert, {}, NOW, 24)
    assert not is_due(alert, sent, NOW + timedelta(hours=23), 24)
    assert is_due(alert, sent, NOW + timedelta(hours=24), 24)
    assert is_due(alert.model_copy(update={"key": "embedding_drift"}), sent, NOW, 24)
    assert is_due(alert, sent, NOW - timedelta(days=300), 24), "the clock was set back"
    assert list(with_sent(sent, alert.model_copy(update={"key": "x"}), NOW + timedelta(days=2), 24)) == [
        "drift: x"
    ]
