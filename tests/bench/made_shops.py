"""`connect`, then `run`, then the searches that were written down, for each kind of export.

python -m tests.bench.made_shops --products 2000 --work DIR [KIND ...]
"""

import argparse
import functools
import resource
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from mmsearch_dagster.cli.options import released_of
from tests.exports.check_searches import check_searches
from tests.exports.shops import SHOPS, MadeShop, write_shop


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Silence."""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of a folder, served by this machine; it is read when it is asked for."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/media/"
    finally:
        server.shutdown()
        server.server_close()


def mmsearch(*arguments: str) -> str:
    """Runs a command in a process of its own; the seconds that it took, and those of CPU."""
    begun, before = time.perf_counter(), _child_seconds()
    subprocess.run([sys.executable, "-m", "mmsearch_dagster.cli", *arguments], check=True)
    return f"{time.perf_counter() - begun:.0f} s ({_child_seconds() - before:.0f} s of CPU)"


def _child_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def measure(shop: MadeShop, products: int, work: Path) -> None:
    """One kind of export, from its file to the answers."""
    folder, home = work / shop.name, work / f"{shop.name}_home"
    shutil.rmtree(home, ignore_errors=True)
    with served(folder) as base:
        export, goods = write_shop(shop, products, folder, base)
        source = folder / "source.yaml"
        connecting = mmsearch("connect", str(export), "--out", str(source), "--force", "--allow-private")
        running = mmsearch("run", "--source", str(source), "--home", str(home))
    outcomes = check_searches(released_of(home).engine(), shop.name, goods, work / "photos" / shop.name)
    rows = sum(len(one.variants) for one in goods)
    good = sum(outcome.problem is None for outcome in outcomes)
    for outcome in outcomes:
        if outcome.problem is not None:
            print(f"  {outcome.name}: {outcome.problem}")
    print(
        f"| {shop.name} | {len(goods):,} | {rows:,} | {connecting} | {running} | {good} of {len(outcomes)} |"
    )


def main() -> None:
    """All kinds, or those that are named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kinds", nargs="*", choices=[[], *SHOPS], default=[])
    parser.add_argument("--products", type=int, default=300)
    parser.add_argument("--work", type=Path, required=True)
    given = parser.parse_args()
    for name in given.kinds or SHOPS:
        measure(SHOPS[name], given.products, given.work)


if __name__ == "__main__":
    main()
