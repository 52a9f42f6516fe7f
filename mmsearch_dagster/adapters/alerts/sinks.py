"""The sinks of alerts. A new one is a class with `name` and `send`, and a line in `sinks_of`."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from mmsearch_dagster.core.errors import ConfigError, MmsearchError
from mmsearch_dagster.core.monitoring.alert_policy import AlertPolicy, Webhook
from mmsearch_dagster.core.monitoring.alerts import Alert


class AlertSink(Protocol):
    """Sends an alert somewhere. name: which one it is, for messages; never a secret."""

    @property
    def name(self) -> str:
        """Names the sink."""
        ...

    def send(self, alert: Alert) -> None:
        """Raises MmsearchError or OSError where it cannot; the message holds no secret."""
        ...


@dataclass(frozen=True)
class LogFile:
    """One line of JSON per alert."""

    path: Path
    name: str = "log file"

    def send(self, alert: Alert) -> None:
        """Appends a line."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(alert.model_dump_json() + "\n")


@dataclass(frozen=True)
class WebhookSink:
    """Posts to an address that an environment variable holds."""

    spec: Webhook
    environment: Mapping[str, str]

    @property
    def name(self) -> str:
        """By the variable: the address itself is a secret."""
        return f"webhook {self.spec.address_from}"

    def send(self, alert: Alert) -> None:
        """Posts, follows no redirect. Raises MmsearchError for anything but a 2xx answer."""
        import httpx

        address = self.environment.get(self.spec.address_from)
        if not address:
            raise ConfigError(
                f"{self.name}: the variable is not set; set it where the servers start, or leave the webhook "
                "out of alerts.yaml"
            )
        try:
            answer = httpx.post(address, json=self._body(alert), timeout=self.spec.seconds)
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            # The library's own message may hold the address.
            raise MmsearchError(f"{self.name}: {type(error).__name__}") from None
        if not answer.is_success:
            raise MmsearchError(f"{self.name}: answered {answer.status_code}")

    def _body(self, alert: Alert) -> dict[str, Any]:
        if self.spec.form == "slack":
            return {"text": f"*{alert.title}*\n{alert.text}"}
        return alert.model_dump()


def sinks_of(
    policy: AlertPolicy, folder: Path, environment: Mapping[str, str] | None = None
) -> list[AlertSink]:
    """The sinks that a policy names.

    Args:
        policy: the reviewed file.
        folder: of the home's alerts.
        environment: holds the secrets; None for that of this process.
    """
    variables = os.environ if environment is None else environment
    files: list[AlertSink] = [LogFile(folder / "alerts.ndjson")] if policy.log_file else []
    return files + [WebhookSink(webhook, variables) for webhook in policy.webhooks]
