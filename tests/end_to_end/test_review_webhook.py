"""MLflow's own server sends its signed webhook to the real API, which completes or closes a release.

The server's code runs in this process: its process takes longer to start than all of this.
"""

import threading
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mmsearch_dagster.adapters.registry.relocate import relocate
from mmsearch_dagster.adapters.registry.store import MlflowStore
from mmsearch_dagster.api.app import create_app
from mmsearch_dagster.api.review_webhook import ROUTE, ReviewWebhook
from mmsearch_dagster.cli.options import released_of
from mmsearch_dagster.cli.serve import bound, review_webhook
from tests.end_to_end.test_servers import as_one_release_waits
from tests.fixtures.former_home import unpack

pytestmark = pytest.mark.slow

SECRET = "a secret of sixteen"
SERVER = {
    "MLFLOW_WEBHOOK_ALLOWED_SCHEMES": "http,https",
    "MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS": "true",
    "MLFLOW_WEBHOOK_REQUEST_MAX_RETRIES": "0",
    "MLFLOW_WEBHOOK_CACHE_TTL": "0",  # a test's webhook is not the next one's
}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home in which model version 1 waits for a review, and MLflow's server over it."""
    home = unpack(tmp_path)
    relocate(home / "mlflow")
    as_one_release_waits(home)
    store = MlflowStore(home / "mlflow")
    for name, value in SERVER.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY", urlsafe_b64encode(bytes(32)).decode())
    for name in ("_MLFLOW_SERVER_FILE_STORE", "_MLFLOW_SERVER_REGISTRY_STORE"):
        monkeypatch.setenv(name, store.tracking_uri)
    monkeypatch.setenv("_MLFLOW_SERVER_ARTIFACT_ROOT", store.artifact_root.as_uri())
    return home


@contextmanager
def serving(home: Path, webhook: ReviewWebhook | None) -> Iterator[str]:
    """The address of the real API."""
    import uvicorn

    # Its engine is opened by nobody here: that costs more than all the rest.
    app = create_app(released_of(home).engine, lambda: None, webhook=webhook)
    with bound("127.0.0.1", 0, "--port") as listener:
        listener.listen()
        server = uvicorn.Server(uvicorn.Config(app, log_level="error"))
        thread = threading.Thread(target=lambda: server.run(sockets=[listener]))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


def post(route: str, **body: object) -> None:
    """A request to MLflow's server."""
    from mlflow.server import app

    answer = app.test_client().post(f"/api/2.0/mlflow/{route}", json=body)
    assert answer.status_code == 200, answer.text


def until(ready: Callable[[], object], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.1)


def subscribe(address: str) -> None:
    events = [{"entity": "MODEL_VERSION_TAG", "action": "SET"}]
    post("webhooks", name="review", url=f"{address}{ROUTE}", events=events, secret=SECRET)


def test_an_approval_in_mlflow_is_released_by_its_webhook_at_once(home: Path) -> None:
    released = released_of(home)
    before = released.manifest()
    with serving(home, review_webhook(home, SECRET)) as address:
        subscribe(address)
        post("model-versions/set-tag", name="mmsearch", version="1", key="review", value="approved")
        until(lambda: released.manifest().model_version == 1)
    assert released.manifest().release_id != before.release_id


def test_a_delivery_that_another_secret_signed_changes_nothing(
    home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    released = released_of(home)
    before = released.manifest()
    met: list[object] = []
    webhook = ReviewWebhook("another secret of ours", lambda: met.append("looked") or [])
    with serving(home, webhook) as address:
        subscribe(address)
        post("model-versions/set-tag", name="mmsearch", version="1", key="review", value="approved")
        until(lambda: "a webhook delivery is refused: the signature is not of this secret" in caplog.text)
    assert (met, released.manifest()) == ([], before)
