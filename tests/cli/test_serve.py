"""`mmsearch serve` as a container starts it: it listens first, and answers once there is a release."""

import shutil
import time
from pathlib import Path
from unittest import mock

import httpx
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from mmsearch_dagster.adapters.registry.relocate import relocate
from tests.fixtures.former_home import unpack
from tests.homes import Place


def served(place: Place, *arguments: str) -> FastAPI:
    """The application that `serve` would listen with."""
    with mock.patch("uvicorn.run") as run:
        assert place.mmsearch("serve", *arguments) == 0
    return run.call_args.args[0]


def answer_of(client: TestClient, path: str, *, status: int) -> httpx.Response:
    """What `path` answers, as soon as it answers with `status`."""
    for _ in range(600):
        reply = client.get(path)
        if reply.status_code == status and "still being opened" not in reply.text:
            return reply
        time.sleep(0.05)
    raise AssertionError(reply.text)


@pytest.mark.parametrize("arguments", [(), ("--wait",)])
def test_without_a_release_every_path_answers_503_and_why(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    home = tmp_path / "nowhere"
    with TestClient(served(Place(home, None, tmp_path), *arguments)) as client:
        health = answer_of(client, "/health", status=503)
        assert health.json() == {
            "error": "there is no release yet",
            "hint": "run `mmsearch run` to make a release, or wait until it is open",
        }
        for reply in (client.get("/release"), client.post("/search", json={"text": "kite"})):
            assert (reply.status_code, reply.json()) == (503, health.json())
    assert not home.exists()


@pytest.mark.slow
def test_the_first_release_is_served_without_a_restart(tmp_path: Path) -> None:
    home = Place(tmp_path / "served", None, tmp_path)
    with TestClient(served(home)) as client:
        answer_of(client, "/health", status=503)
        made = unpack(tmp_path)
        relocate(made / "mlflow", home.home)
        shutil.move(made, home.home)

        health = answer_of(client, "/health", status=200).json()
        assert (
            health["release_id"] == home.manifest().release_id == client.get("/release").json()["release_id"]
        )
