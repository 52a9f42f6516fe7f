"""A real Chromium without a window, driven through its debugging port."""

import json
import shutil
import subprocess
import time
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

_PROGRAM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)
needs_browser = pytest.mark.skipif(_PROGRAM is None, reason="there is no Chromium")
_SECONDS = 30


class Page:
    """One tab."""

    def __init__(self, socket: Any) -> None:
        """socket: of the tab's debugging address, already open."""
        self._socket, self._number = socket, 0

    def send(self, method: str, **params: Any) -> dict[str, Any]:
        """Calls a method of the debugging protocol and waits for its result."""
        self._number += 1
        self._socket.send(json.dumps({"id": self._number, "method": method, "params": params}))
        while True:
            answer = json.loads(self._socket.recv(timeout=_SECONDS))
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                return answer["result"]

    def value(self, script: str) -> Any:
        """What an expression of the page is worth."""
        result = self.send("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def wait_for(self, script: str) -> None:
        """Until an expression is true; one that fails, for the page is not there yet, is not true."""
        end = time.monotonic() + _SECONDS
        while not self.value(f"(() => {{ try {{ return {script} }} catch {{ return false }} }})()"):
            assert time.monotonic() < end, (
                f"never true: {script}; the page: {self.value('document.body.innerText')}"
            )
            time.sleep(0.05)

    def press(self, key: str) -> None:
        """Presses and lets go of a key."""
        text = {"text": key} if len(key) == 1 else {}
        self.send("Input.dispatchKeyEvent", type="keyDown", key=key, **text)
        self.send("Input.dispatchKeyEvent", type="keyUp", key=key)

    def picture(self) -> bytes:
        """What it looks like, as PNG."""
        return b64decode(self.send("Page.captureScreenshot")["data"])


@contextmanager
def open_page(address: str, profile: Path) -> Iterator[Page]:
    """A tab that shows an address.

    Args:
        address: of the page.
        profile: an empty folder for the browser's own files.
    """
    from websockets.sync.client import connect

    assert _PROGRAM is not None
    options = (
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--remote-debugging-port=0",
        "--window-size=900,860",
    )
    program = subprocess.Popen(
        (_PROGRAM, *options, f"--user-data-dir={profile}", address),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        with connect(_debugging_address(profile, address), max_size=None) as socket:
            yield Page(socket)
    finally:
        program.kill()
        program.wait()


def _debugging_address(profile: Path, address: str) -> str:
    end = time.monotonic() + _SECONDS
    while time.monotonic() < end:
        try:
            port = (profile / "DevToolsActivePort").read_text().split()[0]
            tabs = httpx.get(f"http://127.0.0.1:{port}/json", trust_env=False).json()
            return next(tab["webSocketDebuggerUrl"] for tab in tabs if tab["url"].startswith(address))
        except (OSError, IndexError, httpx.HTTPError, StopIteration):
            time.sleep(0.1)
    raise AssertionError("the browser did not open the page")
