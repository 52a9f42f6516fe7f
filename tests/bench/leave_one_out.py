"""`python -m tests.bench.leave_one_out`: a shop without judgments, run after run without a product.

Each run begins with an empty home and shares only the encoders' vectors with the others. It must end in a
release, which is then held against its best single retriever on judged queries that no run saw, and whose
report must not call judged what nobody judged.
"""

import argparse
import csv
import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from mmsearch_dagster.adapters.lake.snapshots import Lake
from mmsearch_dagster.cli.options import released_of
from mmsearch_dagster.core.gate.decision import Decision
from mmsearch_dagster.core.labels.provenance import JUDGED
from mmsearch_dagster.pipeline.evaluation import files
from mmsearch_dagster.settings import Settings
from tests.bench.unseen_queries import SEED, KindResult, results_by_kind, unseen_queries

_PRODUCTS = "products.csv"
_KEPT = ("features", "encoders")


@dataclass(frozen=True)
class Outcome:
    """What one run ended in. problem: its last words where it released nothing."""

    left_out: str
    released: bool
    problem: str = ""
    baseline: bool = False
    provenance: str = ""
    called_judged: bool = False
    kinds: tuple[KindResult, ...] = ()

    @property
    def is_good(self) -> bool:
        """Released, not behind its best single retriever on any kind of query, honest."""
        behind = any(result.is_behind for result in self.kinds)
        return self.released and not behind and not self.called_judged


def one_run(source: Path, left_out: str, unseen: Path, work: Path) -> Outcome:
    """Releases the shop without a product, in an empty home below `work`, and measures the release."""
    shop, home = work / "shop", work / "home"
    products = shop_without(source, left_out, shop)
    for folder in _KEPT:
        if (work / folder).exists():
            shutil.move(work / folder, home / folder)
    command = ("-m", "tests.bench.plain_run", "--home", str(home), "--source", str(shop / source.name))
    ended = subprocess.run((sys.executable, *command), capture_output=True, text=True, check=False)
    try:
        if ended.returncode:
            return Outcome(left_out, released=False, problem=ended.stderr.strip().splitlines()[-1])
        return measured(home, left_out, unseen, products)
    finally:
        for folder in _KEPT:
            if (home / folder).exists():
                shutil.move(home / folder, work / folder)
        shutil.rmtree(home, ignore_errors=True)
        shutil.rmtree(shop, ignore_errors=True)


def shop_without(source: Path, left_out: str, folder: Path) -> list[str]:
    """Writes the shop without one product; the ids of the others. Pictures are linked."""
    folder.mkdir(parents=True)
    (folder.parent / "home").mkdir()
    for entry in source.parent.iterdir():
        if entry.name != _PRODUCTS:
            (folder / entry.name).symlink_to(entry.resolve())
    with (source.parent / _PRODUCTS).open(encoding="utf-8", newline="") as opened:
        rows = list(csv.DictReader(opened))
    kept = [row for row in rows if row["product_id"] != left_out]
    with (folder / _PRODUCTS).open("w", encoding="utf-8", newline="") as opened:
        writer = csv.DictWriter(opened, list(rows[0]))
        writer.writeheader()
        writer.writerows(kept)
    return [row["product_id"] for row in kept]


def measured(home: Path, left_out: str, unseen: Path, products: Sequence[str]) -> Outcome:
    """What the release of a home is worth, and what its evaluation says of its queries."""
    paths = Settings(home).paths
    snapshot = Lake(paths.lake).current(files.ASSET)
    facts = files.EvaluationFacts.of(snapshot)
    decision = Decision.from_json((snapshot.folder / files.DECISION).read_text(encoding="utf-8"))
    released = released_of(home)
    texts = " ".join(reason.text for reason in decision.reasons)
    return Outcome(
        left_out,
        released=True,
        baseline=facts.baseline,
        provenance=facts.provenance,
        called_judged=facts.provenance == JUDGED or "judged by people" in texts,
        kinds=tuple(results_by_kind(released.engine(), unseen_queries(unseen, products))),
    )


def table(outcomes: Sequence[Outcome]) -> str:
    """A line per run and kind of query, in Markdown."""
    lines = ["| left out | released as | kind | queries | engine | best single retriever | difference |"]
    lines.append("|---|---|---|---|---|---|---|")
    for outcome in outcomes:
        engine = "baseline" if outcome.baseline else "engine"
        released = engine if outcome.released else f"nothing: {outcome.problem}"
        if not outcome.kinds:
            lines.append(f"| {outcome.left_out} | {released} | | | | | |")
        for result in outcome.kinds:
            gap = result.difference
            lines.append(
                f"| {outcome.left_out} | {released} | {result.kind} | {result.queries} "
                f"| {result.engine:.3f} | {result.single:.3f} ({result.best}) "
                f"| {gap.mean:+.3f} [{gap.low:+.3f}, {gap.high:+.3f}] |"
            )
    return "\n".join(lines)


def main() -> None:
    """Run, print, write after each run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", type=Path, required=True, help="its folder holds products.csv")
    parser.add_argument("--unseen", type=Path, required=True, help="judgments.csv that no run reads")
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--work", type=Path, required=True, help="homes are made and removed here")
    parser.add_argument("--out", type=Path, required=True, help="JSON, written after each run")
    options = parser.parse_args()
    os.environ.setdefault("MMSEARCH_CORES", "1")
    with (options.source.parent / _PRODUCTS).open(encoding="utf-8", newline="") as opened:
        ids = [row["product_id"] for row in csv.DictReader(opened)]
    outcomes: list[Outcome] = []
    for left_out in random.Random(SEED).sample(ids, options.runs):
        outcomes.append(one_run(options.source.resolve(), left_out, options.unseen, options.work))
        options.out.write_text(json.dumps([asdict(outcome) for outcome in outcomes], indent=1))
        print(table(outcomes[-1:]).splitlines()[-1], flush=True)
    print(table(outcomes))
    good = sum(outcome.is_good for outcome in outcomes)
    print(f"{good} of {len(outcomes)} runs: released, not behind, nothing called judged that nobody judged")


if __name__ == "__main__":
    main()
