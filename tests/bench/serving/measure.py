"""The services under the same load, in turns: answers per second, p50, p99, and where our time goes."""

import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from rich import box
from rich.console import Console
from rich.table import Table

from mmsearch_dagster.core.encoders.protocol import EncoderSpec
from tests.bench.child import REPOSITORY, ChildError, run_module
from tests.bench.ratio import Ratio
from tests.bench.serving.files import BenchShop
from tests.bench.serving.load import KINDS, Load
from tests.bench.serving.shop import make_shop

OURS, PLAIN, PLAIN_PER_CORE = "ours", "plain", "plain, a process per core"
# Service -> its module and what it is given beside the shop and the port. The last one is what somebody makes
# of the plain service who has measured it; no target is set against it.
_MODULES: Mapping[str, tuple[str, ...]] = {
    OURS: ("ours",),
    PLAIN: ("plain",),
    PLAIN_PER_CORE: ("plain", "--per-core"),
}
# New connections in a row that are answered: every process of a service is ready then, very likely.
_READY = 30
CLIENTS = (1, 8, 32)
_START_SECONDS = 300
# Service, kind of search, clients -> a load per round.
Loads = Mapping[tuple[str, str, int], Sequence[Load]]


def measure(
    work: Path,
    cache: Path,
    specs: dict[str, EncoderSpec],
    console: Console,
    *,
    products: int,
    searches: int,
    rounds: int,
) -> list[Ratio]:
    """Throughput of 8 clients, p50 of a single one, and how long the slowest of 32 wait."""
    shop = make_shop(work / "served", cache, specs, products=products, queries=max(24, searches))
    with services(shop) as ports:
        loads = in_turns(shop, ports, searches=searches, rounds=rounds)
    show(loads, console)
    stages = json.loads(run_module("tests.bench.serving.stages", str(shop.folder), str(cache)))
    for kind, of_kind in stages.items():
        times = ", ".join(f"{name} {milliseconds:.1f}" for name, milliseconds in of_kind.items())
        console.print(f"{kind}: ms by stage, a search alone: {times}", highlight=False)
    return [ratio for kind in KINDS for ratio in _ratios(kind, loads, f"{products:,} products")]


@contextmanager
def services(shop: BenchShop) -> Iterator[dict[str, int]]:
    """All of them, each by processes of its own; service -> its port.

    Raises ChildError for one that does not start.
    """
    ports = {name: _free_port() for name in _MODULES}
    processes = {name: _started(name, shop, port) for name, port in ports.items()}
    try:
        for name, port in ports.items():
            _wait_for(name, port, processes[name])
        yield ports
    finally:
        for process in processes.values():
            process.terminate()
        for process in processes.values():
            process.wait()


def in_turns(shop: BenchShop, ports: Mapping[str, int], *, searches: int, rounds: int) -> Loads:
    """The same searches of each kind by 1, 8 and 32 clients; a slow minute hits both services alike."""
    loads: dict[tuple[str, str, int], list[Load]] = {}
    for kind in KINDS:
        for port in ports.values():
            _load(shop, port, kind, max(CLIENTS), searches)  # warm
        for clients in CLIENTS:
            for _ in range(rounds):
                for name, port in ports.items():
                    measured = _load(shop, port, kind, clients, searches)
                    loads.setdefault((name, kind, clients), []).append(measured)
    return loads


def show(loads: Loads, console: Console) -> None:
    """Print the median round of everything."""
    table = Table("search", "clients", "service", title="under load", box=box.SIMPLE_HEAD)
    for name in ("answers/s", "p50 ms", "p99 ms"):
        table.add_column(name, justify="right", no_wrap=True)
    for (name, kind, clients), rounds in loads.items():
        figures = (
            median(values) for values in zip(*((r.per_second, r.p50, r.p99) for r in rounds), strict=True)
        )
        table.add_row(kind, str(clients), name, *(f"{figure:,.1f}" for figure in figures))
    console.print(table)


def _ratios(kind: str, loads: Loads, note: str) -> list[Ratio]:
    ours, plain = ({clients: loads[name, kind, clients] for clients in CLIENTS} for name in (OURS, PLAIN))
    return [
        _ratio(
            f"serving, {kind}, 8 clients: answers a second, ours / plain",
            "1/s",
            [load.per_second for load in ours[8]],
            [load.per_second for load in plain[8]],
            1.5,
            at_least=True,
            note=note,
        ),
        _ratio(
            f"serving, {kind}, 1 client: p50, ours / plain",
            "ms",
            [load.p50 for load in ours[1]],
            [load.p50 for load in plain[1]],
            1.0,
            at_least=False,
            note=note,
        ),
        _ratio(
            f"serving, {kind}, 32 clients: our p99 / our p50",
            "ms",
            [load.p99 for load in ours[32]],
            [load.p50 for load in ours[32]],
            4.0,
            at_least=False,
            note=note,
        ),
    ]


def _ratio(
    what: str,
    unit: str,
    first: Sequence[float],
    second: Sequence[float],
    target: float,
    *,
    at_least: bool,
    note: str,
) -> Ratio:
    rounds = tuple(a / b for a, b in zip(first, second, strict=True))
    return Ratio(what, unit, median(first), median(second), target, at_least, rounds, note)


def _load(shop: BenchShop, port: int, kind: str, clients: int, searches: int) -> Load:
    arguments = (str(shop.folder), str(port), kind, str(clients), str(searches))
    return Load(**json.loads(run_module("tests.bench.serving.load", *arguments)))


def _started(name: str, shop: BenchShop, port: int) -> "subprocess.Popen[bytes]":
    module, *options = _MODULES[name]
    arguments = (str(shop.folder), str(shop.cache), str(port), *options)
    command = [sys.executable, "-m", f"tests.bench.serving.{module}", *arguments]
    return subprocess.Popen(command, cwd=REPOSITORY, stderr=subprocess.DEVNULL)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _wait_for(name: str, port: int, process: "subprocess.Popen[bytes]") -> None:
    until, answered = time.monotonic() + _START_SECONDS, 0
    while time.monotonic() < until and process.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5):
                answered += 1
        except (urllib.error.URLError, OSError):
            answered = 0
            time.sleep(0.2)
        if answered == _READY:
            return
    raise ChildError(f"the service '{name}' does not answer at port {port}")
