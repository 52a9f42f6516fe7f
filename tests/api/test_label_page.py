"""Pairs are graded in a browser, with the keyboard, and every grade is kept at once."""

import socket
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
import uvicorn
from fastapi.testclient import TestClient

from mmsearch_dagster.api.label_page import create_label_app
from mmsearch_dagster.core.labels.pair_to_label import PairToLabel
from tests.browser import Page, needs_browser, open_page
from tests.small_release import picture

PAIRS = (
    PairToLabel("q1", "red <b>mug</b>", "a/1", "Nordvik mug", None),
    PairToLabel("q1", "red <b>mug</b>", "b", None, None),
    PairToLabel("q2", "杯子", "a/1", "Nordvik mug", None),
)


@dataclass
class KeptInMemory:
    pairs: Sequence[PairToLabel] = PAIRS
    broken: bool = False
    kept: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])

    def grade(self, row: int, grade: int) -> None:
        if self.broken:
            raise OSError("the disk is full")
        self.kept.append((row, grade))
        self.pairs = [replace(pair, grade=grade) if n == row else pair for n, pair in enumerate(self.pairs)]


@pytest.fixture
def labels() -> KeptInMemory:
    return KeptInMemory()


@pytest.fixture
def client(labels: KeptInMemory, tmp_path: Path) -> TestClient:
    (tmp_path / "mug.png").write_bytes(picture("red"))
    app = create_label_app(labels, lambda ids: {key: {"image_uris": ["mug.png"]} for key in ids}, tmp_path)
    return TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False)


def test_a_grade_is_kept_and_counted(client: TestClient, labels: KeptInMemory) -> None:
    assert client.post("/grades", json={"row": 1, "grade": 2}).json() == {"graded": 1, "pairs": 3}
    assert labels.kept == [(1, 2)]
    assert [pair["grade"] for pair in client.get("/pairs").json()] == [None, 2, None]


@pytest.mark.parametrize(
    ("given", "status"),
    [({"row": 0, "grade": 4}, 422), ({"row": 9, "grade": 1}, 404), ({"row": -1, "grade": 1}, 422)],
)
def test_what_is_no_grade_of_a_pair_is_refused(
    client: TestClient, labels: KeptInMemory, given: dict[str, int], status: int
) -> None:
    assert client.post("/grades", json=given).status_code == status
    assert not labels.kept


def test_pages_of_other_sites_cannot_grade(client: TestClient, labels: KeptInMemory) -> None:
    plain = {"Content-Type": "text/plain"}
    assert client.post("/grades", content='{"row": 0, "grade": 1}', headers=plain).status_code == 422
    assert client.get("/pairs", headers={"Host": "evil.example"}).status_code == 400
    assert not labels.kept


@pytest.fixture
def address(client: TestClient) -> Iterator[str]:
    """Where the page really listens."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(client.app, log_level="error"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
    server.should_exit = True
    thread.join(timeout=10)
    listener.close()


@needs_browser
def test_a_person_grades_with_the_keyboard(address: str, labels: KeptInMemory, tmp_path: Path) -> None:
    with open_page(address, tmp_path / "profile") as page:
        page.wait_for("document.body.dataset.at === '0'")
        assert page.value("document.getElementById('query').textContent") == "red <b>mug</b>"
        page.wait_for("document.querySelector('#picture img')?.naturalWidth > 0")

        page.press("3")
        page.wait_for("document.body.dataset.at === '1'")
        page.press("ArrowRight")
        page.wait_for("document.body.dataset.at === '2'")
        page.press("0")
        page.wait_for("document.body.dataset.at === '1'")
        page.press("ArrowLeft")
        page.press("2")
        page.wait_for("document.getElementById('count').textContent === '2 of 3 graded'")
        _wait_for(labels, [(0, 3), (2, 0), (0, 2)])
        assert "(no title)" in page.value("document.getElementById('title').textContent")

        page.press("1")
        page.wait_for("document.getElementById('status').textContent.startsWith('That was the last one')")
        _wait_for(labels, [(0, 3), (2, 0), (0, 2), (1, 1)])


@needs_browser
def test_a_grade_that_is_not_kept_is_told_and_asked_again(
    address: str, labels: KeptInMemory, tmp_path: Path
) -> None:
    labels.broken = True
    with open_page(address, tmp_path / "profile") as page:
        page.wait_for("document.body.dataset.at === '0'")
        page.value("document.querySelector('[data-grade=\"3\"]').click()")
        page.wait_for("document.getElementById('status').className === 'bad'")
        assert page.value("document.body.dataset.at") == "0"
        assert _pressed(page) == []


def _pressed(page: Page) -> list[str]:
    return page.value(
        "[...document.querySelectorAll('[aria-pressed=true]')].map((button) => button.dataset.grade)"
    )


def _wait_for(labels: KeptInMemory, kept: list[tuple[int, int]]) -> None:
    end = time.monotonic() + 10
    while labels.kept != kept and time.monotonic() < end:
        time.sleep(0.02)
    assert labels.kept == kept
