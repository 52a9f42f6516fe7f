"""No request body larger than agreed, whether it announces its length or not."""

import asyncio
from contextlib import suppress

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_UPLOAD_BYTES = 20 * 1024 * 1024
# Base64 makes four bytes of three; the rest is room for the other fields.
MAX_BODY_BYTES = MAX_UPLOAD_BYTES * 4 // 3 + 256 * 1024
TOO_LARGE = f"a picture or a recording may have {MAX_UPLOAD_BYTES // 1024**2} MB at most"
# A client that reads after it has written sees the refusal only when its body was taken; not an endless one.
_MOST_DROPPED_BYTES = 8 * MAX_BODY_BYTES
_MOST_DROPPING_SECONDS = 10
SMALLER = "send less: 1,000 pixels a side and ten seconds are plenty for searching"


class UploadLimit:
    """ASGI middleware: answers 413 to an announced body that is too long, cuts off one that becomes it."""

    def __init__(self, app: ASGIApp, max_bytes: int = MAX_BODY_BYTES) -> None:
        self._app = app
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        announced = headers.get(b"content-length", b"0")
        if announced.isdigit() and int(announced) > self._max_bytes:
            if b"expect" not in headers:  # who asks first has sent nothing yet
                await _drop(receive)
            refusal = JSONResponse({"error": TOO_LARGE, "hint": SMALLER}, status_code=413)
            await refusal(scope, receive, send)
            return
        await self._app(scope, self._counted(receive), send)

    def _counted(self, receive: Receive) -> Receive:
        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self._max_bytes:
                if message.get("more_body"):
                    await _drop(receive)
                raise HTTPException(413, TOO_LARGE)
            return message

        return counted


async def _drop(receive: Receive) -> None:
    """Take the rest of a body and forget it."""
    dropped, more = 0, True
    with suppress(TimeoutError):
        async with asyncio.timeout(_MOST_DROPPING_SECONDS):
            while more and dropped < _MOST_DROPPED_BYTES:
                message = await receive()
                dropped += len(message.get("body", b""))
                more = message.get("more_body", False)
