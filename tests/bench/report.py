"""The table for a person and the file for a machine."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from mmsearch_dagster.adapters.lake import write_atomically
from tests.bench.ratio import Ratio


def show(ratios: Sequence[Ratio], machine: Mapping[str, Any], console: Console) -> None:
    """Print every ratio beside its target."""
    title = f"{machine['processor']}, {machine['threads']} threads"
    table = Table("what", title=title, caption="Medians of rounds taken in turns. Only the ratios count.")
    for name in ("ours", "theirs", "ratio", "rounds", "target"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("note")
    for one in ratios:
        colour = "green" if one.met else "red"
        table.add_row(
            one.what,
            f"{one.ours:,.2f} {one.unit}",
            f"{one.theirs:,.2f} {one.unit}",
            f"[{colour}]{one.value:.3f}[/]",
            f"{min(one.per_round):.2f}-{max(one.per_round):.2f}" if one.per_round else "-",
            f"{'≥' if one.at_least else '≤'} {one.target}",
            one.note,
        )
    console.print(table)


def write(ratios: Sequence[Ratio], machine: Mapping[str, Any], path: Path) -> None:
    """Replace the JSON report at `path`."""
    content = {"machine": dict(machine), "ratios": [one.as_json() for one in ratios]}
    write_atomically(path, (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode())
