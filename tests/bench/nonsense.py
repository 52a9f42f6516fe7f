"""`python -m tests.bench.nonsense --home H`: what a released engine says to strings without a meaning.

And how often it says the same, wrongly, of the home's judged queries.
"""

import argparse
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from mmsearch_dagster.adapters.lake.snapshots import Lake
from mmsearch_dagster.cli.options import released_of
from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.retrieval.query import Answer, Query
from mmsearch_dagster.serving.engine import Engine
from mmsearch_dagster.settings import DEFAULT_HOME
from tests.nonsense import nonsense

SEED = 7


def is_confident(answer: Answer) -> bool:
    """Whether it shows products and does not say that they are only the closest."""
    return bool(answer.hits) and answer.note is None


def judged_texts(home: Path) -> list[str]:
    """The different words of the judged queries without a photo or a voice."""
    rows = Lake(home / "lake").current("queries").table()
    alone = pl.col(col.IMAGE).is_null() & pl.col(col.AUDIO).is_null() & pl.col(col.QUERY_TEXT).is_not_null()
    return rows.filter(alone)[col.QUERY_TEXT].unique(maintain_order=True).to_list()


def answers(engine: Engine, texts: Sequence[str]) -> list[Answer]:
    """The engine's answers, five products each."""
    return engine.search_batch([Query(text=text) for text in texts], k=5)


def main() -> None:
    """Measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, default=Path(DEFAULT_HOME))
    parser.add_argument("--strings", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--show", type=int, default=10, help="so many of the wrong ones of each kind")
    options = parser.parse_args()
    home = options.home.resolve()
    engine = released_of(home).engine()
    typed = nonsense(options.strings, options.seed)
    found = answers(engine, [text for _, text in typed])
    confident = [
        (kind, text, answer)
        for (kind, text), answer in zip(typed, found, strict=True)
        if is_confident(answer)
    ]
    _show("confident list", Counter(kind for kind, _ in typed), confident, options.show)
    texts = judged_texts(home)
    doubted = [
        ("judged", text, answer)
        for text, answer in zip(texts, answers(engine, texts), strict=True)
        if not is_confident(answer)
    ]
    _show("nothing fits", Counter({"judged": len(texts)}), doubted, options.show)


def _show(what: str, counts: Counter[str], wrong: Sequence[tuple[str, str, Answer]], shown: int) -> None:
    print(f"{what}: {len(wrong)} of {counts.total()}")
    for kind, count in counts.items():
        of_kind = [(text, answer) for other, text, answer in wrong if other == kind]
        print(f"  {kind}: {len(of_kind)} of {count}")
        for text, answer in of_kind[:shown]:
            first = answer.hits[0].payload.get("title") if answer.hits else answer.problem
            print(f"    {text!r}: {first!r} {answer.note or ''}")


if __name__ == "__main__":
    main()
