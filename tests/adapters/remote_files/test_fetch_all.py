"""Media are fetched from a host that misbehaves: what is had, what is kept, and what is said."""

import socket
import time
from pathlib import Path
from typing import Any

import pytest

from mmsearch_dagster.adapters.remote_files.fetch_all import Clock, Outcome, fetch_all
from mmsearch_dagster.adapters.remote_files.media_cache import MediaCache
from mmsearch_dagster.core.catalog.mapping.remote_media import RemoteMedia
from mmsearch_dagster.core.progress import Silent
from tests.adapters.remote_files.conftest import PICTURE, Misbehaving

DAY = 24 * 3600.0


class Slept:
    """A clock on which sleeping costs nothing. now: seconds since 1970."""

    def __init__(self) -> None:
        self.now, self.slept = 1e9, list[float]()
        self._ahead = 0.0

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self._ahead += seconds

    @property
    def clock(self) -> Clock:
        return Clock(lambda: self.now, lambda: time.monotonic() + self._ahead, self.sleep)


@pytest.fixture
def slept() -> Slept:
    return Slept()


def settings(server: Misbehaving, **changes: Any) -> RemoteMedia:
    return RemoteMedia(
        **{"hosts": (server.host,), "allow_private": True, "seconds": 1.0, "max_megabytes": 0.1, **changes}
    )


def fetch(server: Misbehaving, folder: Path, slept: Slept, *paths: str, **changes: Any) -> dict[str, Outcome]:
    """Path -> outcome."""
    media = settings(server, **changes)
    addresses = [server.address(path) for path in paths]
    outcomes = fetch_all(addresses, media, MediaCache(folder), Silent(), clock=slept.clock)
    return dict(zip(dict.fromkeys(paths), outcomes, strict=True))


def test_a_picture_is_fetched_once_and_stored_by_its_content(
    server: Misbehaving, tmp_path: Path, slept: Slept
) -> None:
    outcomes = fetch(server, tmp_path, slept, "/a.png", "/a.png")

    assert (outcomes["/a.png"].state, server.asked["/a.png"]) == ("fetched", 1)
    sha256 = outcomes["/a.png"].sha256
    assert sha256 is not None
    assert MediaCache(tmp_path).path(sha256).read_bytes() == PICTURE

    again = fetch(server, tmp_path, slept, "/a.png")["/a.png"]
    assert (again.state, again.sha256, server.asked["/a.png"]) == ("not asked", sha256, 1)


def test_after_a_day_the_host_is_asked_whether_it_changed(
    server: Misbehaving, tmp_path: Path, slept: Slept
) -> None:
    first = fetch(server, tmp_path, slept, "/a.png")["/a.png"]

    slept.now += DAY + 1
    second = fetch(server, tmp_path, slept, "/a.png")["/a.png"]
    server.contents["/a.png"] = PICTURE + b"new"
    slept.now += DAY + 1
    third = fetch(server, tmp_path, slept, "/a.png")["/a.png"]

    assert (second.state, second.sha256) == ("unchanged", first.sha256)
    assert third.state == "fetched"
    assert third.sha256 != first.sha256


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/slow.png", "within 1 s"),
        ("/silent.png", "no answer within 1 s"),
        ("/endless.png", "larger than 0.1 MB"),
        ("/boasting.png", "larger than 0.1 MB"),
        ("/cut.png", ""),
        ("/page.png", "sends text/html, no picture"),
        ("/zipped.png", "compresses"),
        ("/empty.png", "sent nothing"),
        ("/gone.png", "410 Gone"),
        ("/b.png", "404 Not Found"),
        ("/round", "more than 5 redirects"),
        ("/elsewhere.png", "other.example is not among media.hosts"),
        ("/broken.png", "500 Internal Server Error"),
    ],
)
def test_what_cannot_be_had_is_missing_with_its_reason(
    server: Misbehaving, tmp_path: Path, slept: Slept, path: str, reason: str
) -> None:
    began = time.monotonic()

    outcome = fetch(server, tmp_path, slept, path)[path]

    assert (outcome.state, outcome.sha256) == ("missing", None)
    assert reason in (outcome.reason or "")
    assert time.monotonic() - began < 15


def test_a_redirect_is_followed_to_allowed_hosts(server: Misbehaving, tmp_path: Path, slept: Slept) -> None:
    assert fetch(server, tmp_path, slept, "/moved.png")["/moved.png"].state == "fetched"


def test_this_machine_and_private_networks_are_refused(
    server: Misbehaving, tmp_path: Path, slept: Slept
) -> None:
    outcome = fetch(server, tmp_path, slept, "/a.png", allow_private=False)["/a.png"]

    assert outcome.state == "missing"
    assert "no public address" in (outcome.reason or "")
    assert not server.asked


def test_a_name_that_leads_inwards_is_refused_and_so_is_a_redirect_there(
    server: Misbehaving, tmp_path: Path, slept: Slept, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name is public when it is looked up first and private a moment later: it is looked up once."""
    resolved: list[str] = []
    real = socket.getaddrinfo

    def rebinding(host: str, *given: Any, **named: Any) -> Any:
        if host != "shop.example":
            return real(host, *given, **named)
        resolved.append(host)
        return real("93.184.216.34" if len(resolved) == 1 else "127.0.0.1", *given, **named)

    connected: list[str] = []

    def never(address: tuple[str, int], *given: Any, **named: Any) -> Any:
        connected.append(address[0])
        raise OSError("no network in tests")

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    monkeypatch.setattr(socket, "create_connection", never)
    media = RemoteMedia(hosts=("shop.example",), seconds=1.0)
    [outcome] = fetch_all(
        ["https://shop.example/a.png"], media, MediaCache(tmp_path), Silent(), clock=slept.clock
    )

    assert outcome.state == "missing"
    assert connected == ["93.184.216.34"], "to the address that was checked, and not again to another"
    assert "127.0.0.1" in (outcome.reason or "")


def test_a_host_that_asks_to_be_left_alone_is_waited_for(
    server: Misbehaving, tmp_path: Path, slept: Slept
) -> None:
    assert fetch(server, tmp_path, slept, "/busy.png")["/busy.png"].state == "fetched"
    assert len(slept.slept) == 2
    assert all(6.5 < seconds <= 7 for seconds in slept.slept)


def test_a_host_that_asks_for_a_day_is_not_waited_for(
    server: Misbehaving, tmp_path: Path, slept: Slept
) -> None:
    outcome = fetch(server, tmp_path, slept, "/never.png")["/never.png"]

    assert (outcome.state, slept.slept, server.asked["/never.png"]) == ("missing", [], 1)


def test_an_error_of_the_host_is_tried_three_times_with_growing_waits(
    server: Misbehaving, tmp_path: Path, slept: Slept
) -> None:
    fetch(server, tmp_path, slept, "/broken.png")

    assert server.asked["/broken.png"] == 3
    assert slept.slept == [0.5, 1.0]


def test_a_host_that_is_down_leaves_yesterdays_picture_and_says_so(
    server: Misbehaving, tmp_path: Path, slept: Slept
) -> None:
    first = fetch(server, tmp_path, slept, "/a.png")["/a.png"]
    server.shutdown()
    server.server_close()

    slept.now += DAY + 1
    outcome = fetch(server, tmp_path, slept, "/a.png")["/a.png"]

    assert (outcome.state, outcome.sha256) == ("kept", first.sha256)
    assert "does not answer" in (outcome.reason or "")


def test_a_host_that_is_down_is_given_up_after_a_few_addresses(
    server: Misbehaving, tmp_path: Path, slept: Slept
) -> None:
    server.shutdown()
    server.server_close()
    paths = [f"/many/{number}.png" for number in range(50)]

    outcomes = fetch(server, tmp_path, slept, *paths, parallel=2, per_host=2)

    assert {outcome.state for outcome in outcomes.values()} == {"missing"}
    given_up = [outcome for outcome in outcomes.values() if "given up" in (outcome.reason or "")]
    assert len(given_up) >= 45


def test_no_more_than_a_few_requests_go_to_one_host_at_a_time(
    server: Misbehaving, tmp_path: Path, slept: Slept
) -> None:
    paths = [f"/many/{number}.png" for number in range(30)]

    outcomes = fetch(server, tmp_path, slept, *paths, parallel=16, per_host=3)

    assert {outcome.state for outcome in outcomes.values()} == {"fetched"}
    assert server.busiest <= 3


def test_a_host_that_is_no_longer_allowed_serves_no_copy(
    server: Misbehaving, tmp_path: Path, slept: Slept
) -> None:
    fetch(server, tmp_path, slept, "/a.png")

    outcome = fetch(server, tmp_path, slept, "/a.png", hosts=("cdn.example",))["/a.png"]

    assert (outcome.state, outcome.sha256) == ("missing", None)
    assert "is not among media.hosts" in (outcome.reason or "")
