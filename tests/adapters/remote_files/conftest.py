"""A host that does what hosts do: answer, dawdle, lie, redirect, and ask to be left alone."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

PICTURE = b"\x89PNG\r\n\x1a\n" + b"p" * 500


class Misbehaving(ThreadingHTTPServer):
    """asked: path -> how often. busy, busiest: requests at work now, and at most."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: Counter[str] = Counter()
        self.contents = {"/a.png": PICTURE}
        self.busy = self.busiest = 0
        self.lock = threading.Lock()

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server_port}"

    def address(self, path: str) -> str:
        return f"http://{self.host}{path}"

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is no error here."""


class _Handler(BaseHTTPRequestHandler):
    server: Misbehaving

    def log_message(self, format: str, *args: object) -> None:
        """Silence."""

    def do_GET(self) -> None:
        server, path = self.server, self.path.partition("?")[0]
        with server.lock:
            server.asked[path] += 1
            server.busy += 1
            server.busiest = max(server.busiest, server.busy)
        self._at_work = True
        try:
            getattr(self, f"_{path.split('/')[1].partition('.')[0].replace('-', '_')}", self._file)()
        finally:
            self._done()

    def _done(self) -> None:
        """Once per request, and before its last byte: after that the client may begin the next one."""
        with self.server.lock:
            self.server.busy -= self._at_work
        self._at_work = False

    def _send(self, status: int, body: bytes = b"", **headers: str) -> None:
        self._done()
        self.send_response(status)
        given = {"Content_Type": "image/png", "Content_Length": str(len(body)), **headers}
        for name, value in given.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def _file(self) -> None:
        body = self.server.contents.get(self.path.partition("?")[0])
        if body is None:
            self._send(404)
        elif self.headers.get("If-None-Match") == f'"{len(body)}"':
            self._send(304)
        else:
            self._send(200, body, ETag=f'"{len(body)}"')

    def _slow(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "image/png")
        self.end_headers()
        for _ in range(100):
            self.wfile.write(b"x")
            self.wfile.flush()
            time.sleep(0.1)

    def _silent(self) -> None:
        time.sleep(5)

    def _endless(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "image/png")
        self.end_headers()
        while True:
            self.wfile.write(b"x" * 65_536)

    def _boasting(self) -> None:
        self._send(200, PICTURE, Content_Length="900000000000")

    def _cut(self) -> None:
        self._send(200, PICTURE, Content_Length=str(len(PICTURE) + 10))

    def _page(self) -> None:
        self._send(200, b"<html>please log in</html>", Content_Type="text/html; charset=utf-8")

    def _zipped(self) -> None:
        self._send(200, PICTURE, Content_Encoding="gzip")

    def _empty(self) -> None:
        self._send(200)

    def _gone(self) -> None:
        self._send(410)

    def _inward(self) -> None:
        self._send(302, Location=f"http://127.0.0.1:{self.server.server_port}/a.png")

    def _elsewhere(self) -> None:
        self._send(302, Location="http://other.example/a.png")

    def _round(self) -> None:
        self._send(302, Location="/round")

    def _moved(self) -> None:
        self._send(301, Location="/a.png")

    def _busy(self) -> None:
        """Asks to be left alone twice, then answers."""
        if self.server.asked["/busy.png"] <= 2:
            self._send(429, Retry_After="7")
        else:
            self._send(200, PICTURE)

    def _never(self) -> None:
        self._send(429, Retry_After="86400")

    def _broken(self) -> None:
        self._send(500)

    def _many(self) -> None:
        time.sleep(0.05)
        self._send(200, PICTURE + self.path.encode())


@pytest.fixture
def server() -> Iterator[Misbehaving]:
    """A host of this machine, ended with the test."""
    host = Misbehaving()
    thread = threading.Thread(target=host.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield host
    host.shutdown()
    host.server_close()
