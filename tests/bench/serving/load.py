"""Clients that search one after the other, each as soon as it has its answer; a process of its own.

`python -m tests.bench.serving.load FOLDER PORT KIND CLIENTS SEARCHES` prints figures as JSON.
"""

import base64
import http.client
import json
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path

import numpy as np

from tests.bench.serving.files import BenchShop

KINDS = ("words", "photo", "both")


@dataclass(frozen=True)
class Load:
    """How a service took it. per_second: answers; p50, p99: milliseconds from request to answer."""

    per_second: float
    p50: float
    p99: float


def bodies_of(shop: BenchShop, kind: str, amount: int) -> list[bytes]:
    """Different searches, as long as there are; then the same ones again."""
    words, photos = shop.words(), [base64.b64encode(photo).decode() for photo in shop.photos()]
    searches = [
        {
            "text": words[number % len(words)] if kind != "photo" else None,
            "image_base64": photos[number % len(photos)] if kind != "words" else None,
            "k": 10,
        }
        for number in range(amount)
    ]
    return [json.dumps(search).encode() for search in searches]


def put_under_load(port: int, bodies: Sequence[bytes], clients: int) -> Load:
    """Every body once, by that many clients. Raises RuntimeError for an answer that is none."""
    seconds = np.zeros(len(bodies))
    numbers, failures = count(), list[str]()

    def search() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        while (number := next(numbers)) < len(bodies) and not failures:
            begun = time.perf_counter()
            connection.request("POST", "/search", bodies[number], {"Content-Type": "application/json"})
            response = connection.getresponse()
            content = response.read()
            seconds[number] = time.perf_counter() - begun
            if response.status != 200 or b'"payload"' not in content:
                failures.append(f"{response.status}: {content[:200]!r}")

    threads = [threading.Thread(target=search) for _ in range(clients)]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    elapsed = time.perf_counter() - begun
    if failures:
        raise RuntimeError(failures[0])
    p50, p99 = np.percentile(seconds * 1000, [50, 99])
    return Load(len(bodies) / elapsed, float(p50), float(p99))


if __name__ == "__main__":
    folder, port, kind, clients, amount = sys.argv[1:]
    shop = BenchShop(Path(folder), Path())
    print(json.dumps(asdict(put_under_load(int(port), bodies_of(shop, kind, int(amount)), int(clients)))))
