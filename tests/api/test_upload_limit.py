"""A body that is too long is taken before it is refused: else its sender sees a broken connection."""

import asyncio
from collections.abc import Sequence

import pytest
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive, Scope, Send

from mmsearch_dagster.api import upload_limit
from mmsearch_dagster.api.upload_limit import UploadLimit

Headers = Sequence[tuple[bytes, bytes]]
ANNOUNCED = (b"content-length", b"100")


class Client:
    """Sends `chunks` pieces of ten bytes, then says nothing more."""

    def __init__(self, chunks: int) -> None:
        self.left = chunks
        self.statuses: list[int] = []
        self.left_at_refusal: int | None = None

    async def receive(self) -> Message:
        if self.left == 0:
            await asyncio.sleep(60)
        self.left -= 1
        return {"type": "http.request", "body": b"x" * 10, "more_body": self.left > 0}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.left_at_refusal = self.left
            self.statuses.append(message["status"])

    def ask(self, *headers: tuple[bytes, bytes]) -> "Client":
        scope: Scope = {"type": "http", "headers": list(headers)}
        asyncio.run(UploadLimit(reading, max_bytes=30)(scope, self.receive, self.send))
        return self


async def reading(scope: Scope, receive: Receive, send: Send) -> None:
    """An application that reads its body and answers as ours do."""
    status = 200
    try:
        while (await receive())["more_body"]:
            pass
    except HTTPException as error:
        status = error.status_code
    await send({"type": "http.response.start", "status": status, "headers": []})


@pytest.mark.parametrize("headers", [(), (ANNOUNCED,)])
def test_the_rest_of_a_long_body_is_taken_before_the_refusal(headers: Headers) -> None:
    client = Client(10).ask(*headers)
    assert (client.statuses, client.left_at_refusal) == ([413], 0)


def test_a_body_within_the_limit_is_read_as_ever() -> None:
    assert Client(3).ask().statuses == [200]


def test_who_asks_before_sending_is_refused_at_once() -> None:
    client = Client(10).ask(ANNOUNCED, (b"expect", b"100-continue"))
    assert (client.statuses, client.left_at_refusal) == ([413], 10)


def test_an_endless_body_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload_limit, "_MOST_DROPPED_BYTES", 50)
    client = Client(1_000_000).ask()
    assert (client.statuses, client.left_at_refusal) == ([413], 1_000_000 - 4 - 5)


def test_a_body_that_stops_coming_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload_limit, "_MOST_DROPPING_SECONDS", 0.05)

    class Stalled(Client):
        async def receive(self) -> Message:
            return {**await super().receive(), "more_body": True}

    assert Stalled(5).ask().statuses == [413]
