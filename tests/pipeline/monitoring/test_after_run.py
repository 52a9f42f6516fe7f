"""Alerts on their way: a real server as the webhook, sinks that fail, secrets that stay at home."""

import json
import logging
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from mmsearch_dagster.adapters.alerts.sinks import LogFile, WebhookSink, sinks_of
from mmsearch_dagster.core.monitoring.alert_policy import AlertPolicy, Webhook
from mmsearch_dagster.core.monitoring.alerts import Alert, FailedRun
from mmsearch_dagster.pipeline.monitoring.after_run import after_run, send_alerts
from mmsearch_dagster.pipeline.workspace import Workspace
from mmsearch_dagster.settings import Settings

NOW = datetime(2026, 5, 3, 6, tzinfo=UTC)
ALERT = Alert(kind="drift", key="data_drift", title="data drift", text="price", when="2026-05-03T06:00:00")
POLICY = AlertPolicy()
SECRET = "s3cr3t-path"


@dataclass
class Receiver:
    """What a webhook's server got. answer: the status that it gives."""

    address: str = ""
    bodies: list[dict[str, str]] = field(default_factory=list)
    answer: int = 200


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A server on this machine."""
    got = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(got.answer)
            self.send_header("Location", f"{got.address}/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    got.address = f"http://127.0.0.1:{server.server_port}/{SECRET}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield got
    server.shutdown()
    server.server_close()


def hook(address: str, form: str = "json") -> WebhookSink:
    spec = Webhook.model_validate({"address_from": "HOOK", "form": form})
    return WebhookSink(spec, {"HOOK": address})


def sent_at(moment: datetime, folder: Path, *sinks: object) -> list[Alert]:
    return send_alerts([ALERT], sinks, POLICY, folder=folder, clock=lambda: moment)  # type: ignore[arg-type]


def test_a_webhook_gets_the_alert_once_within_the_cool_down(receiver: Receiver, tmp_path: Path) -> None:
    for hours in (0, 1, 23, 24):
        sent_at(NOW + timedelta(hours=hours), tmp_path, hook(receiver.address))

    assert len(receiver.bodies) == 2
    assert receiver.bodies[0] == ALERT.model_dump()


def test_slack_gets_one_text(receiver: Receiver, tmp_path: Path) -> None:
    sent_at(NOW, tmp_path, hook(receiver.address, "slack"))

    assert receiver.bodies == [{"text": "*data drift*\nprice"}]


@pytest.mark.parametrize("answer", [302, 404, 500])
def test_a_sink_that_fails_keeps_no_other_from_sending_and_is_tried_again(
    receiver: Receiver, tmp_path: Path, answer: int, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.answer = answer
    log = LogFile(tmp_path / "alerts.ndjson")

    with caplog.at_level(logging.DEBUG):
        assert sent_at(NOW, tmp_path, hook(receiver.address), log) == [ALERT]
    receiver.answer = 200
    sent_at(NOW + timedelta(hours=1), tmp_path, hook(receiver.address), log)

    assert len(receiver.bodies) == 2
    assert len(log.path.read_text().splitlines()) == 1
    assert f"webhook HOOK: answered {answer}" in caplog.text


@pytest.mark.parametrize(
    "address", [f"http://127.0.0.1:9/{SECRET}", f"no address {SECRET}", "", f"ftp://x/{SECRET}"]
)
def test_an_address_that_cannot_be_reached_is_told_by_its_variable_alone(
    address: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert sent_at(NOW, tmp_path, hook(address)) == []

    assert "webhook HOOK" in caplog.text
    assert SECRET not in caplog.text
    assert SECRET not in "".join(file.read_text() for file in tmp_path.iterdir())


def test_the_policy_names_the_sinks() -> None:
    policy = AlertPolicy(webhooks=[Webhook(address_from="HOOK")])

    names = [sink.name for sink in sinks_of(policy, Path("alerts"), {})]

    assert names == ["log file", "webhook HOOK"]
    assert sinks_of(AlertPolicy(log_file=False), Path("alerts"), {}) == []


def test_after_a_run_the_day_is_kept_and_the_alert_is_in_the_log(tmp_path: Path) -> None:
    workspace = Workspace(Settings(tmp_path), clock=lambda: NOW)

    sent = after_run(workspace, FailedRun(job="refresh", reason="no such file"))

    lines = (tmp_path / "alerts" / "alerts.ndjson").read_text().splitlines()
    assert [json.loads(line)["kind"] for line in lines] == ["failed_run"]
    assert [alert.title for alert in sent] == ["The run of refresh failed"]
    assert (tmp_path / "metrics" / "2026-05-03.json").is_file()


def test_nothing_that_follows_a_run_breaks_it(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "alerts").write_text("in the way of the folder")

    assert after_run(Workspace(Settings(tmp_path), clock=lambda: NOW)) == []
    assert "what follows a run broke off" in caplog.text


def test_what_was_sent_when_may_be_damaged(tmp_path: Path) -> None:
    (tmp_path / "sent.json").write_text('{"log file": ')

    assert sent_at(NOW, tmp_path, LogFile(tmp_path / "alerts.ndjson")) == [ALERT]
