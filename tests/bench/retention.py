"""How large a home becomes: `python -m tests.bench.retention` refreshes it, tidies it, and measures.

A small shop whose prices change each day. Every day has a refresh, every fourth also the other jobs of the
schedules, all through Dagster's own storage in the home; every seventh day the weekly job tidies the home.
The figure is the size after all days over the size after as many days as releases are kept, both tidied.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import dagster as dg
from rich.console import Console

from mmsearch_dagster.cli.dagster_home import prepare_dagster
from mmsearch_dagster.defs.loading import everything
from mmsearch_dagster.defs.triggers.launch import refresh_config
from mmsearch_dagster.settings import ASSETS_VARIABLE
from tests import shops
from tests.homes import Place, own_environment

WEEK, OTHERS_EVERY = 7, 4
_SHARED = "encoders"
_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass(frozen=True)
class Plan:
    """refreshes: one a day. keep: releases. trained_every: days between trainings, 0 for the first only."""

    refreshes: int = 200
    keep: int = 5
    trained_every: int = 0


class LivingHome:
    """A home in which days pass."""

    def __init__(self, place: Place) -> None:
        self.place, self.day = place, 0
        assert place.source is not None
        self._products = place.source.parent / "products.csv"
        self._rows = shops.read_csv(self._products)

    def live(self, days: int, plan: Plan) -> None:
        """A refresh a day with what the schedules do around it, and the weekly job."""
        for _ in range(days):
            self.day += 1
            self._reprice()
            trains = bool(plan.trained_every) and self.day % plan.trained_every == 0
            self._job("refresh", config=refresh_config(retrain=trains))
            if self.day % OTHERS_EVERY == 0:
                self._others()
            if self.day % WEEK == 0:
                self.tidy(plan.keep)

    def tidy(self, keep: int) -> None:
        """What the weekly job does."""
        self._job("prune", config={"ops": {"remove_unused": {"config": {"keep": keep}}}})

    def _reprice(self) -> None:
        for row in self._rows[: max(1, len(self._rows) // 10)]:
            if row["price"] and float(row["price"]) > 0:
                row["price"] = str(10 + self.day)
        shops.write_csv(self._products, self._rows)

    def _others(self) -> None:
        day = (datetime.now(UTC) - timedelta(days=1 + self.day % 365)).date().isoformat()
        self._job("watch")
        self._job("evening", day=day)
        self._job("profile_days", day=day)

    def _job(self, name: str, *, config: Mapping[str, Any] | None = None, day: str | None = None) -> None:
        with own_environment(**{ASSETS_VARIABLE: str(self.place.assets)}):
            prepare_dagster(self.place.settings)
            with dg.DagsterInstance.get() as instance:
                _jobs(name).execute_in_process(
                    {**(config or {}), **_QUIET}, instance=instance, partition_key=day
                )


@cache
def _jobs(name: str) -> dg.JobDefinition:
    return everything().resolve_job_def(name)


def sizes(home: Path) -> dict[str, int]:
    """Bytes on disk by folder of the home, two levels deep for what Dagster, MLflow and the lake keep.

    Exported encoders are left out: they are the same however long a home lives.
    """
    found: dict[str, int] = {}
    for file in home.rglob("*"):
        parts = file.relative_to(home).parts
        if parts[0] == _SHARED or file.is_symlink() or not file.is_file():
            continue
        name = "/".join(parts[:2]) if parts[0] in ("dagster", "mlflow", "lake") else parts[0]
        found[name] = found.get(name, 0) + file.stat().st_blocks * 512
    return found


def show(console: Console, title: str, before: Mapping[str, int], after: Mapping[str, int]) -> None:
    """Each folder's size, and how much it grew."""
    console.print(title)
    for name in sorted({*before, *after}, key=lambda each: before.get(each, 0) - after.get(each, 0)):
        first, last = before.get(name, 0) / 1e6, after.get(name, 0) / 1e6
        console.print(f"  {name:34}{first:10.2f} -> {last:10.2f} MB", highlight=False)
    total = sum(after.values()) / max(1, sum(before.values()))
    console.print(
        f"  in all {sum(before.values()) / 1e6:.1f} -> {sum(after.values()) / 1e6:.1f} MB: {total:.2f} times"
    )


def first_home(work: Path) -> LivingHome:
    """A home with its first release, made by `mmsearch run` of a drawn shop of 54 products."""
    place = Place(work / "home", work / "shop" / "source.yaml", work / "reviewed")
    if not place.paths.ledger.exists():
        shops.tiny_assets(place.assets)
        shops.tiny_shop(work / "shop", spec_file=work / "store.yaml")
        assert place.run() == 0
    return LivingHome(place)


def main() -> None:
    """Lives, measures, prints."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.retention", description=__doc__)
    parser.add_argument("--refreshes", type=int, default=Plan.refreshes)
    parser.add_argument("--keep", type=int, default=Plan.keep)
    parser.add_argument("--trained-every", type=int, default=Plan.trained_every, metavar="DAYS")
    parser.add_argument("--work", type=Path, help="folder to work in, kept; default: a temporary one")
    asked = parser.parse_args()
    plan, console = Plan(asked.refreshes, asked.keep, asked.trained_every), Console()
    with tempfile.TemporaryDirectory(prefix="mmsearch-retention-") as folder:
        work = asked.work or Path(folder)
        work.mkdir(parents=True, exist_ok=True)
        home = first_home(work)
        home.live(plan.keep - 1, plan)
        home.tidy(plan.keep)
        fresh, began = sizes(home.place.home), time.perf_counter()
        while home.day < plan.refreshes:
            home.live(min(20, plan.refreshes - home.day), plan)
            show(
                console, f"day {home.day}, {time.perf_counter() - began:.0f} s", fresh, sizes(home.place.home)
            )
        home.tidy(plan.keep)
        show(console, f"after {home.day} refreshes, {plan.keep} kept", fresh, sizes(home.place.home))


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
