"""The released engine behind its own application, as `mmsearch serve` starts it.

`python -m tests.bench.serving.ours FOLDER CACHE PORT`: a process per core, as `serve --workers`.
"""

import sys
from functools import partial
from pathlib import Path

from fastapi import FastAPI

from mmsearch_dagster.adapters.host.cores import cores
from mmsearch_dagster.api.app import create_app
from mmsearch_dagster.cli.serve import bound, run_processes
from tests.bench.serving.files import BenchShop


def application(folder: Path, cache: Path) -> FastAPI:
    """What one process answers with, on one core."""
    shop = BenchShop(folder, cache)
    release_id = shop.manifest.release_id
    return create_app(shop.engine, lambda: release_id, threads=1)


if __name__ == "__main__":
    folder, cache, port = sys.argv[1:]
    # By its name and not as `__main__`, so that every process finds it.
    from tests.bench.serving.ours import application as make_app

    with bound("127.0.0.1", int(port), "PORT") as listener:
        run_processes(partial(make_app, Path(folder), Path(cache)), listener, cores())
