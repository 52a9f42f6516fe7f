"""Which events somebody is told of, and where: assets/policies/alerts.yaml as records."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from mmsearch_dagster.core.config_file import parse_reviewed

# The name of an environment variable: what it holds is a secret and stands in no file.
Variable = Annotated[str, Field(pattern=r"^[A-Z_][A-Z0-9_]*$")]


class _Reviewed(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class AlertEvents(_Reviewed):
    """What is worth an alert. quarantine_share: of a table's rows. stale_release_days: age of what is served.

    None: no alert of that kind.
    """

    failed_run: bool = True
    refused_model: bool = True
    drift: bool = True
    quarantine_share: float | None = Field(default=0.02, ge=0, le=1)
    stale_release_days: float | None = Field(default=7, gt=0)


class Webhook(_Reviewed):
    """An address that is posted to. address_from: the environment variable that holds it.

    form: `json` posts the alert's fields, `slack` what Slack's and Mattermost's incoming webhooks read.
    """

    address_from: Variable
    form: Literal["json", "slack"] = "json"
    seconds: float = Field(default=10, gt=0, le=60)


class DagsterSlack(_Reviewed):
    """Failed runs to a Slack channel, by the package dagster-slack."""

    channel: str
    token_from: Variable


class DagsterEmail(_Reviewed):
    """Failed runs by e-mail, by Dagster itself."""

    sender: str
    recipients: Annotated[list[str], Field(min_length=1)]
    password_from: Variable
    host: str = "smtp.gmail.com"
    port: int = Field(default=465, ge=1, le=65_535)


class AlertPolicy(_Reviewed):
    """assets/policies/alerts.yaml as read; an unknown key is an error.

    cool_down_hours: the same alert goes to a sink once in so many hours.
    """

    cool_down_hours: float = Field(default=24, ge=0)
    events: AlertEvents = AlertEvents()
    log_file: bool = True
    webhooks: list[Webhook] = []
    slack: DagsterSlack | None = None
    email: DagsterEmail | None = None


def parse_alerts(text: str, where: str) -> AlertPolicy:
    """The policy in a YAML text. Raises ConfigError naming `where`."""
    return parse_reviewed(AlertPolicy, text, where, what="alert policy")
