"""`mmsearch up` as it stands for months: Dagster's pages and daemon, MLflow and the API as real processes.

The home was made by version 0.1.0 (`tests/fixtures/former_home.py`): a release that costs no training.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import dagster as dg
import httpx
import pytest
from dagster._core.remote_origin import ManagedGrpcPythonEnvCodeLocationOrigin, RemoteRepositoryOrigin
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    InstigatorType,
    ScheduleInstigatorData,
)
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin

from mmsearch_dagster.adapters.lake.snapshots import write_atomically
from mmsearch_dagster.adapters.registry.relocate import relocate
from mmsearch_dagster.defs.dagster_home import prepare_dagster
from mmsearch_dagster.defs.launch import BECAUSE
from mmsearch_dagster.pipeline.release.reviews import Reviews
from mmsearch_dagster.pipeline.workspace import Workspace
from mmsearch_dagster.settings import ASSETS_VARIABLE, Settings
from tests.fixtures.former_home import reviewed_files, unpack, write_shop
from tests.homes import own_environment

pytestmark = pytest.mark.slow

_REPOSITORY = "__repository__"
_TWO_HOURS = 7_200
_Value = TypeVar("_Value")


def until(ready: Callable[[], _Value | None], *, seconds: float = 240) -> _Value:
    """What `ready` gives as soon as it gives anything."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = ready()
        if value:
            return value
        time.sleep(0.5)
    raise AssertionError(f"not within {seconds} s: {ready}")


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


@dataclass(frozen=True)
class Servers:
    """What stands, and where. shop: the folder of its source files. waiting: the version under review."""

    dagster: str
    mlflow: str
    api: str
    shop: Path
    waiting: int

    def served(self) -> int | None:
        """The model version that the API answers with."""
        manifest = answer(f"{self.api}/release")
        return manifest["model_version"] if manifest else None

    def tag(self, tag: dict[str, str]) -> bool:
        """Whether MLflow's server took a tag of a model version."""
        try:
            route = f"{self.mlflow}/api/2.0/mlflow/model-versions/set-tag"
            return httpx.post(route, json=tag, timeout=30).status_code == 200
        except httpx.TransportError:
            return False

    def query(self, text: str, **variables: Any) -> Any | None:
        """The data of a GraphQL answer; None while nobody answers."""
        try:
            reply = httpx.post(
                f"{self.dagster}/graphql", json={"query": text, "variables": variables}, timeout=30
            )
        except httpx.TransportError:
            return None
        document = reply.json()
        assert "errors" not in document, document
        return document["data"]

    def ticks(self, name: str) -> list[dict[str, Any]]:
        """The ticks of a schedule or sensor that have ended, the newest first."""
        selector = {
            "name": name,
            "repositoryName": _REPOSITORY,
            "repositoryLocationName": "mmsearch",
        }
        data = self.query(_TICKS, selector=selector)
        state = data["instigationStateOrError"] if data else {}
        return [tick for tick in state.get("ticks", []) if tick["status"] != "STARTED"]

    def runs(self, **tags: str) -> list[dict[str, Any]]:
        wanted = [{"key": key.replace("__", "/"), "value": value} for key, value in tags.items()]
        data = self.query(_RUNS, tags=wanted)
        return data["runsOrError"]["results"] if data else []

    def end_of(self, run_id: str) -> str | None:
        """How a run ended; None while it waits or is under way."""
        statuses = [row["status"] for row in self.runs() if row["runId"] == run_id]
        return statuses[0] if statuses and statuses[0] in ("SUCCESS", "FAILURE", "CANCELED") else None


_TICKS = """
query($selector: InstigationSelector!) {
  instigationStateOrError(instigationSelector: $selector) {
    ... on InstigationState { ticks(limit: 10) { status runIds skipReason error { message } } }
  }
}"""
_RUNS = """
query($tags: [ExecutionTag!]) {
  runsOrError(filter: {tags: $tags}) { ... on Runs { results { runId jobName status tags { key value } } } }
}"""
_LAUNCH = """
mutation($params: ExecutionParams!) {
  launchRun(executionParams: $params) { __typename ... on LaunchRunSuccess { run { runId } } }
}"""


def as_left_two_hours_ago(home: Path) -> None:
    """The hourly schedule as a daemon left it that was stopped then: one tick at least was missed."""
    target = LoadableTargetOrigin(module_name="mmsearch_dagster.definitions")
    location = ManagedGrpcPythonEnvCodeLocationOrigin(target, location_name="mmsearch")
    origin = RemoteRepositoryOrigin(location, _REPOSITORY).get_instigator_origin("hourly")
    data = ScheduleInstigatorData("15 * * * *", start_timestamp=time.time() - _TWO_HOURS)
    with own_environment():
        prepare_dagster(Settings(home))
        with dg.DagsterInstance.get() as instance:
            instance.add_instigator_state(
                InstigatorState(origin, InstigatorType.SCHEDULE, InstigatorStatus.DECLARED_IN_CODE, data)
            )


def as_one_release_waits(home: Path) -> int:
    """The first version, made over the catalogue of now, waits for a reviewer; the second one is served."""
    workspace = Workspace(Settings(home))
    (first,) = [row.manifest for row in workspace.registry.releases() if row.manifest.model_version == 1]
    for asset, digest in first.snapshots.items():
        write_atomically(home / "lake" / asset / "CURRENT", digest.encode())
    Reviews(workspace.registry).request(first.model_version)
    return first.model_version


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Servers]:
    home, source = unpack(tmp_path), write_shop(tmp_path / "shop", renamed=2)
    relocate(home / "mlflow")
    assets = reviewed_files(tmp_path / "reviewed")
    (assets / "policies" / "triggers.yaml").write_text("source: {settle_seconds: 0}", encoding="utf-8")
    as_left_two_hours_ago(home)
    waiting = as_one_release_waits(home)
    ports = free_ports(3)
    options = dict(zip(("--dagster-port", "--mlflow-port", "--api-port"), ports, strict=True))
    options |= {"--home": home, "--source": source}
    arguments = [f"{name}={value}" for name, value in options.items()]
    command = [sys.executable, "-m", "mmsearch_dagster.cli", "up", *arguments]
    environment = {**os.environ, ASSETS_VARIABLE: str(assets)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as process:
        try:
            addresses = [f"http://127.0.0.1:{port}" for port in ports]
            yield Servers(*addresses, shop=source.parent, waiting=waiting)
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(60) == 0


def test_servers_tick_run_and_release_what_a_reviewer_approves(servers: Servers) -> None:
    # A run is launched through GraphQL, before those that wait in the queue.
    params = {
        "selector": {
            "repositoryName": _REPOSITORY,
            "repositoryLocationName": "mmsearch",
            "jobName": "watch",
        },
        "runConfigData": {},
        "executionMetadata": {"tags": [{"key": "dagster/priority", "value": "9"}]},
    }
    launched = until(lambda: servers.query(_LAUNCH, params=params))["launchRun"]
    assert launched["__typename"] == "LaunchRunSuccess", launched

    # The schedule makes up for the tick that it missed while nothing stood.
    tick = until(lambda: servers.ticks("hourly"))[-1]
    assert (tick["status"], len(tick["runIds"])) == ("SUCCESS", 1)

    # A reviewer approves what waits, through MLflow's server; the API answers with it.
    version = {"name": "mmsearch", "version": str(servers.waiting)}
    assert until(servers.served) != servers.waiting
    until(lambda: servers.tag({**version, "key": "review", "value": "approved"}))

    # The first look of the sensor hands nothing on; then an export comes.
    assert "nothing changed in 4 files" in until(lambda: servers.ticks("source_files"))[0]["skipReason"]
    with (servers.shop / "products.csv").open("a", encoding="utf-8") as file:
        file.write("P99,a green hat,hat,9.0,EUR,0.png,true\n")
    (run,) = until(lambda: servers.runs(mmsearch__trigger="source"))
    assert {tag["key"]: tag["value"] for tag in run["tags"]}[BECAUSE] == "products.csv changed"
    assert run["jobName"] == "refresh"

    until(lambda: servers.served() == servers.waiting)
    route = f"{servers.mlflow}/api/2.0/mlflow/registered-models/alias"
    champion = answer(route, name="mmsearch", alias="champion")
    assert int(champion["model_version"]["version"]) == servers.waiting
    assert until(lambda: servers.end_of(launched["run"]["runId"])) == "SUCCESS"


def answer(address: str, **params: str) -> Any | None:
    """The JSON of an answer; None while nobody answers, or not with 200."""
    try:
        reply = httpx.get(address, params=params, timeout=30)
    except httpx.TransportError:
        return None
    return reply.json() if reply.status_code == 200 else None
