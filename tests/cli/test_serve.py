"""`mmsearch serve` as a container starts it: it listens first, and answers once there is a release."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from unittest import mock

import httpx
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from mmsearch_dagster.adapters.registry.relocate import relocate
from mmsearch_dagster.cli.serve import WEBHOOK_SECRET, bound, message, webhook_secret
from mmsearch_dagster.core.errors import UserError
from tests.fixtures.former_home import unpack
from tests.homes import Place


def served(place: Place, *arguments: str) -> FastAPI:
    """The application that `serve` would listen with."""
    with mock.patch("mmsearch_dagster.cli.serve.run") as run:
        arguments = (*arguments, "--port", "0")
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


def test_it_says_what_to_open(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    served(Place(tmp_path / "nowhere", None, tmp_path))

    assert re.search(r"Search page  http://127\.0\.0\.1:[1-9]\d*/\n", capsys.readouterr().out)


def test_the_page_of_a_server_for_all_addresses_is_opened_here() -> None:
    assert "http://127.0.0.1:8000/docs" in message("0.0.0.0", 8000)


@pytest.mark.parametrize("command", ["serve", "up"])
def test_a_port_in_use_is_the_callers_mistake(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    option = {"serve": "--port", "up": "--api-port"}[command]
    others = {"serve": (), "up": ("--dagster-port", "0", "--mlflow-port", "0")}[command]
    with bound("127.0.0.1", 0, option) as taken:
        taken.listen()
        port = taken.getsockname()[1]
        home = Place(tmp_path / "nowhere", None, tmp_path)
        assert home.mmsearch(command, option, port, *others) == 2

    assert f"port {port} of 127.0.0.1 is in use" in (told := capsys.readouterr().err)
    assert f"give another {option}" in told
    assert not home.home.exists()


def workers_of(server: int, count: int, *, without: int = 0) -> list[int]:
    """The processes that a server has started to answer, as soon as there are so many."""
    for _ in range(1200):
        children = Path(f"/proc/{server}/task/{server}/children").read_text().split()
        workers = [int(pid) for pid in children if "spawn_main" in Path(f"/proc/{pid}/cmdline").read_text()]
        if len(workers) == count and without not in workers:
            return workers
        time.sleep(0.05)
    raise AssertionError(f"{server} has not {count} workers")


def health(address: str) -> str:
    """What the server says of itself, as soon as it answers and has looked for a release."""
    for _ in range(1200):
        with suppress(httpx.HTTPError):
            if "still being opened" not in (text := httpx.get(f"{address}health", timeout=5).text):
                return text
        time.sleep(0.05)
    raise AssertionError(f"{address} does not answer")


def test_ctrl_c_ends_it_with_130(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mmsearch_dagster.cli", "serve", "--port", "0", "--home", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        assert server.stdout.readline().startswith("Search page")
        server.send_signal(signal.SIGINT)
        assert server.wait(30) == 130


@pytest.mark.slow
def test_several_processes_answer_at_one_port_and_end_together(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mmsearch_dagster.cli", "serve", "--workers", "2", "--port", "0"]
    with subprocess.Popen([*command, "--home", str(tmp_path)], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        address = server.stdout.readline().split()[-1]
        try:
            first = workers_of(server.pid, 2)
            assert "there is no release yet" in health(address)
            os.kill(first[0], signal.SIGKILL)
            later = workers_of(server.pid, 2, without=first[0])
            assert "there is no release yet" in health(address)
        finally:
            server.send_signal(signal.SIGINT)
        assert server.wait(60) == 130
    assert not any(Path(f"/proc/{worker}").exists() for worker in later)


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


def test_a_short_webhook_secret_is_refused_and_an_empty_one_is_none() -> None:
    with pytest.raises(UserError, match="MMSEARCH_WEBHOOK_SECRET has 5 characters: give at least 16"):
        webhook_secret({WEBHOOK_SECRET: "short"})

    assert webhook_secret({}) is None
    assert webhook_secret({WEBHOOK_SECRET: ""}) is None
    assert webhook_secret({WEBHOOK_SECRET: "sixteen letters!"}) == "sixteen letters!"
