"""The released engine behind its own application, as `mmsearch serve` starts it.

`python -m tests.bench.serving.ours FOLDER CACHE PORT`.
"""

import sys
from pathlib import Path

from mmsearch_dagster.api.app import create_app
from mmsearch_dagster.cli.serve import bound, run
from tests.bench.serving.files import BenchShop

if __name__ == "__main__":
    folder, cache, port = sys.argv[1:]
    shop = BenchShop(Path(folder), Path(cache))
    release_id = shop.manifest.release_id
    with bound("127.0.0.1", int(port), "PORT") as listener:
        run(create_app(shop.engine, lambda: release_id), listener)
