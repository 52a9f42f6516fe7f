"""How large a home becomes: `python -m tests.bench.retention` refreshes it, tidies it, and measures.

A small shop whose prices change each day, so every refresh makes a release. Every seventh day the weekly
job tidies the home. It runs through Dagster with its own storage in the home, and so do the first refreshes,
later every tenth one with the jobs of the other schedules; the rest are the same steps without Dagster. The
figure is the size after all days over the size after as many days as releases are kept, both tidied. A run
that was stopped goes on in the same `--work`.
"""

import argparse
import json
import os
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import dagster as dg
from rich.console import Console

from mmsearch_dagster.defs.dagster_home import prepare_dagster
from mmsearch_dagster.defs.launch import refresh_config
from mmsearch_dagster.defs.loading import everything
from mmsearch_dagster.pipeline.release.catalogue_refresh import refresh_catalogue
from mmsearch_dagster.pipeline.run import read_catalogue
from mmsearch_dagster.settings import ASSETS_VARIABLE
from tests import shops
from tests.homes import Place, own_environment

WEEK, THROUGH_DAGSTER = 7, 10
_SHARED = "encoders"
_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


class LivingHome:
    """A home in which days pass. fresh: sizes of its folders after the first days."""

    def __init__(self, work: Path) -> None:
        self.place = Place(work / "home", work / "shop" / "source.yaml", work / "reviewed")
        self.day, self.fresh = 0, dict[str, int]()
        self._state = work / "state.json"
        if self._state.exists():
            self.day, self.fresh = json.loads(self._state.read_text())
        else:
            shops.tiny_assets(self.place.assets)
            shops.tiny_shop(work / "shop", spec_file=work / "store.yaml")
            assert self.place.run() == 0
        self._products = work / "shop" / "products.csv"
        self._rows = shops.read_csv(self._products)

    def begin(self, keep: int) -> None:
        """As many releases as are kept, all through Dagster: what later sizes are compared with."""
        if not self.fresh:
            while self.day < keep - 1:
                self._next_day()
                self._job("refresh", config=refresh_config(retrain=False))
            self.tidy(keep)
            self.fresh = sizes(self.place.home)

    def live(self, days: int, keep: int) -> None:
        """A refresh a day, and the jobs of the schedules."""
        for _ in range(days):
            self._next_day()
            if self.day % THROUGH_DAGSTER == 0:
                self._through_dagster()
            else:
                workspace = self.place.workspace
                read_catalogue(workspace)
                refresh_catalogue(workspace)
            if self.day % WEEK == 0:
                self.tidy(keep)
            self._state.write_text(json.dumps([self.day, self.fresh]))

    def tidy(self, keep: int) -> None:
        """What the weekly job does."""
        self._job("prune", config={"ops": {"remove_unused": {"config": {"keep": keep}}}})

    def _next_day(self) -> None:
        self.day += 1
        for row in self._rows[: max(1, len(self._rows) // 10)]:
            if row["price"] and float(row["price"]) > 0:
                row["price"] = str(10 + self.day)
        shops.write_csv(self._products, self._rows)

    def _through_dagster(self) -> None:
        day = (datetime.now(UTC) - timedelta(days=1 + self.day % 365)).date().isoformat()
        self._job("refresh", config=refresh_config(retrain=False))
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
    first, last = sum(before.values()) / 1e6, sum(after.values()) / 1e6
    console.print(f"  in all {first:.1f} -> {last:.1f} MB: {last / first:.2f} times", highlight=False)


def main() -> None:
    """Lives, measures, prints."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.retention", description=__doc__)
    parser.add_argument("--refreshes", type=int, default=200)
    parser.add_argument("--keep", type=int, default=5, help="releases")
    parser.add_argument("--work", type=Path, help="folder to work in, kept; default: a temporary one")
    asked, console = parser.parse_args(), Console()
    with tempfile.TemporaryDirectory(prefix="mmsearch-retention-") as folder:
        work = asked.work or Path(folder)
        work.mkdir(parents=True, exist_ok=True)
        home = LivingHome(work)
        home.begin(asked.keep)
        while home.day < asked.refreshes:
            home.live(min(10, asked.refreshes - home.day), asked.keep)
            show(console, f"day {home.day}", home.fresh, sizes(home.place.home))
        home.tidy(asked.keep)
        show(console, f"{home.day} refreshes, {asked.keep} kept", home.fresh, sizes(home.place.home))


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
