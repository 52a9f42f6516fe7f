"""The table for a person and the file for a machine."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from mmsearch_dagster.adapters.lake.snapshots import write_atomically
from tests.bench.ratio import Ratio


def show(ratios: Sequence[Ratio], machine: Mapping[str, Any], console: Console) -> None:
    """Print every ratio beside its target."""
    title = f"{machine['processor']}, {machine['threads']} threads"
    table = Table("what", title=title, box=box.SIMPLE_HEAD)
    for name in ("unit", "ours", "theirs", "ratio", "target"):
        table.add_column(name, justify="left" if name == "unit" else "right", no_wrap=True)
    for one in ratios:
        colour = "green" if one.met else "red"
        target = f"{'≥' if one.at_least else '≤'} {one.target}"
        figures = (f"{one.ours:,.2f}", f"{one.theirs:,.2f}", f"[{colour}]{one.value:.3f}[/]", target)
        table.add_row(one.what, one.unit, *figures)
    console.print(table)
    for one in ratios:
        rounds = f"rounds {min(one.per_round):.3f} to {max(one.per_round):.3f}"
        console.print(f"[dim]{one.what}: {rounds}; {one.note}[/]", highlight=False)
    console.print("Medians of rounds taken in turns. Only the ratios mean something elsewhere.")


def write(ratios: Sequence[Ratio], machine: Mapping[str, Any], path: Path) -> None:
    """Replace the JSON report at `path`."""
    content = {"machine": dict(machine), "ratios": [one.as_json() for one in ratios]}
    write_atomically(path, (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode())
