"""MLflow's signed webhook at the real application."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import pytest
from fastapi.testclient import TestClient

from mmsearch_dagster.api.app import create_app
from mmsearch_dagster.api.review_webhook import ROUTE, ReviewWebhook
from mmsearch_dagster.api.signed_delivery import signature_of
from mmsearch_dagster.core.errors import NoReleaseError
from mmsearch_dagster.serving.engine import Engine

SECRET = "a secret of sixteen"
BODY = b'{"entity": "model_version_tag", "action": "set", "data": {"name": "mmsearch", "version": "7"}}'


def nothing_released() -> Engine:
    raise NoReleaseError("there is no release yet")


@dataclass
class Registry:
    """What the looks found; a broken one raises."""

    looks: int = 0
    broken: bool = False
    sentences: list[str] = field(default_factory=lambda: ["r-7: approved in MLflow; it answers now"])

    def look(self) -> Sequence[str]:
        self.looks += 1
        if self.broken:
            raise RuntimeError("the database is locked")
        return self.sentences


@pytest.fixture
def registry() -> Registry:
    return Registry()


@pytest.fixture
def client(registry: Registry) -> Iterator[TestClient]:
    app = create_app(nothing_released, lambda: None, webhook=ReviewWebhook(SECRET, registry.look))
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


def headers(
    delivery: str = "d-1", *, age: int = 0, secret: str = SECRET, body: bytes = BODY
) -> dict[str, str]:
    timestamp = str(int(time.time()) - age)
    return {
        "X-MLflow-Delivery-Id": delivery,
        "X-MLflow-Timestamp": timestamp,
        "X-MLflow-Signature": signature_of(delivery, timestamp, body, secret),
        "Content-Type": "application/json",
    }


def test_a_signed_delivery_completes_the_release_and_says_so(client: TestClient, registry: Registry) -> None:
    answer = client.post(ROUTE, content=BODY, headers=headers())
    assert (answer.status_code, answer.json()) == (200, {"done": registry.sentences})
    assert registry.looks == 1


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (headers(secret="guessed guessed guessed"), "the signature is not of this secret"),
        (headers(body=b"{}"), "the signature is not of this secret"),
        (headers(age=3600), "the delivery is not of the last 5 minutes"),
        ({}, "the delivery is not signed"),
    ],
)
def test_a_delivery_that_is_not_believed_does_nothing(
    client: TestClient, registry: Registry, given: dict[str, str], why: str
) -> None:
    answer = client.post(ROUTE, content=BODY, headers=given)
    assert answer.status_code == 401
    assert answer.json()["error"] == why
    assert registry.looks == 0


def test_a_delivery_that_is_sent_again_does_nothing(client: TestClient, registry: Registry) -> None:
    caught = headers()
    codes = [client.post(ROUTE, content=BODY, headers=caught).status_code for _ in range(2)]
    assert codes == [200, 409]
    assert registry.looks == 1


def test_what_could_not_be_carried_out_may_come_again(client: TestClient, registry: Registry) -> None:
    registry.broken = True
    given = headers()
    assert client.post(ROUTE, content=BODY, headers=given).status_code == 500
    registry.broken = False
    assert client.post(ROUTE, content=BODY, headers=given).status_code == 200


def test_without_a_secret_the_path_is_not_there() -> None:
    with TestClient(create_app(nothing_released, lambda: None)) as client:
        assert client.post(ROUTE, content=BODY, headers=headers()).status_code == 404


def test_the_secret_stands_in_no_text(registry: Registry) -> None:
    assert SECRET not in repr(ReviewWebhook(SECRET, registry.look))
