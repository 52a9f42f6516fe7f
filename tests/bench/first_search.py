"""What a command costs before it answers: CPU of a process, against a plain import of its libraries."""

import os
import resource
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from mmsearch_dagster.settings import ASSETS_VARIABLE
from tests.bench.ratio import Ratio, cost
from tests.shops import tiny_assets, tiny_shop

# Seconds of CPU on the reference machine (two cores, calm), for the note; a ratio is what counts.
WISHED = {"search": 1.5, "--help": 0.3}
# What a search by words uses, imported as anybody would: LanceDB with its REST client, pyarrow with pandas.
_IMPORTS = "import lancedb, numpy, onnxruntime, rich.table, tokenizers, typer"


def measure(work: Path, *, rounds: int) -> list[Ratio]:
    """CPU seconds of one word query and of `--help`, both warm."""
    home = _released_home(work / "first-search")
    command = [sys.executable, "-m", "mmsearch_dagster.cli"]
    search = [*command, "search", "red mug", "--home", str(home)]
    _cpu(search)  # warm disk
    contenders = {
        "search": search,
        "--help": [*command, "--help"],
        "imports": [sys.executable, "-c", _IMPORTS],
    }
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, arguments in contenders.items():
            seconds[name].append(_cpu(arguments))
    return [
        cost(
            f"mmsearch {name}: CPU of the process, against a plain import of its libraries",
            "s",
            seconds[name],
            seconds["imports"],
            target=target,
            note=f"wished: under {WISHED[name]} s of CPU on two calm cores",
        )
        for name, target in (("search", 0.9), ("--help", 0.15))
    ]


def _released_home(work: Path) -> Path:
    """A small shop, released."""
    work.mkdir()
    assets = tiny_assets(work / "reviewed")
    source = tiny_shop(work / "shop", spec_file=work / "store.yaml")
    home = work / "home"
    command = [sys.executable, "-m", "mmsearch_dagster.cli", "run", "--source", str(source)]
    environment = {**os.environ, ASSETS_VARIABLE: str(assets)}
    subprocess.run([*command, "--home", str(home)], check=True, capture_output=True, env=environment)
    return home


def _cpu(arguments: Sequence[str]) -> float:
    """User and system seconds of a process and its children."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(arguments, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
