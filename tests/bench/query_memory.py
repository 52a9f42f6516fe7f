"""`python -m tests.bench.query_memory HOME`: what the query memory is worth when queries come again.

People search for judged queries of a home (those that neither train nor choose) some times, are shown the
first ten products of the released engine and click by a position-based model: the true grade draws them, the
place hides it. Then a share of the queries comes again; the others are new. Grades are the judgments. Prints
nDCG@10 without and with the memory by that share, then the time of one look into a memory of 20,000 queries.
"""

import argparse
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from mmsearch_dagster.adapters.lake.batches import load_queries
from mmsearch_dagster.cli.options import released_of
from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.catalog.schemas import EVENTS, SEARCHES
from mmsearch_dagster.core.evaluation.judged_queries import score
from mmsearch_dagster.core.labels.log_queries import after_searches
from mmsearch_dagster.core.labels.provenance import JUDGED
from mmsearch_dagster.core.memories.query_fit import keyed, log_votes
from mmsearch_dagster.core.memories.query_lift import lifted
from mmsearch_dagster.core.memories.query_memory import QueryMemory
from mmsearch_dagster.core.memories.query_trial import WEIGHTS
from mmsearch_dagster.core.metrics.bootstrap import paired_difference
from mmsearch_dagster.core.retrieval.query import Query
from mmsearch_dagster.pipeline.training import examples
from mmsearch_dagster.pipeline.training.queries import TEST, VALIDATION
from mmsearch_dagster.pipeline.workspace import Workspace
from mmsearch_dagster.settings import Settings

SEED = 7
SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
_SHOWN, _DEPTH = 10, 50
# How likely a person clicks a product that was looked at, by its grade; and looks at a rank.
_CLICK = (0.05, 0.2, 0.4, 0.7)
_BIAS = 0.7

Grades = Mapping[str, Mapping[str, int]]


def judged_words(home: Path) -> tuple[dict[str, str], Grades]:
    """Query id -> typed words, and the grades, of the judged queries that neither train nor choose."""
    folder = Workspace(Settings(home)).lake.current(examples.ASSET).folder
    texts: dict[str, str] = {}
    grades: dict[str, Mapping[str, int]] = {}
    for part in (load_queries(folder, name).of_provenance(JUDGED) for name in (VALIDATION, TEST)):
        for key, text in zip(part.batch.ids, part.texts, strict=True):
            if text and part.kinds[key].startswith("words") and "picture" not in part.kinds[key]:
                texts[key], grades[key] = text, part.grades[key]
    return texts, grades


def engine_answers(home: Path, texts: Mapping[str, str]) -> dict[str, list[str]]:
    """Query id -> the released engine's products, best first."""
    engine = released_of(home).engine()
    answers = engine.search_batch([Query(text=text) for text in texts.values()], k=_DEPTH)
    return {key: [hit.product_id for hit in answer.hits] for key, answer in zip(texts, answers, strict=True)}


def simulated_log(
    texts: Mapping[str, str], shown: Mapping[str, Sequence[str]], grades: Grades, visits: int
) -> pl.DataFrame:
    """Events of `visits` searches for each query, of `fit.keyed`."""
    rng = np.random.default_rng(SEED)
    searches, events = [], []
    for number, (key, text) in enumerate(pair for pair in texts.items() for _ in range(visits)):
        base = {
            col.QUERY_ID: f"s{number}",
            col.USER_ID: f"u{number}",
            col.TIMESTAMP: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=number),
        }
        searches.append({col.QUERY_ID: f"s{number}", col.QUERY_TEXT: text})
        for rank, product in enumerate(shown[key][:_SHOWN], start=1):
            event = {**base, col.PRODUCT_ID: product, col.POSITION: rank}
            events.append({**event, col.ACTION: "impression"})
            if rng.random() < _CLICK[grades[key].get(product, 0)] / rank**_BIAS:
                events.append({**event, col.ACTION: "click"})
    rows = after_searches(pl.DataFrame(searches, schema=SEARCHES), pl.DataFrame(events, schema=EVENTS))
    return keyed(rows, {text: text for text in rows["text"].unique().to_list()})


def print_curve(texts: Mapping[str, str], grades: Grades, answers: Mapping[str, list[str]]) -> None:
    """nDCG@10 by the share of queries that come again."""
    ids = sorted(texts)
    without = score({key: answers[key] for key in ids}, grades)
    order = np.random.default_rng(SEED).permutation(len(ids))
    print(f"{len(ids)} queries\n| visits before | weight | comes again | without | with | gain |")
    for visits in (1, 3, 10):
        memory = QueryMemory.of(log_votes(simulated_log(texts, answers, grades, visits)))
        for weight in WEIGHTS[:2]:
            for share in SHARES:
                again = {ids[row] for row in order[: round(share * len(ids))]}
                rankings = {
                    key: _raised(answers[key], memory.votes_for(texts[key]), weight)
                    if key in again
                    else answers[key]
                    for key in ids
                }
                raised = score(rankings, grades)
                gain = paired_difference(
                    [raised[key] for key in ids], [without[key] for key in ids], seed=SEED
                )
                print(
                    f"| {visits} | {weight:.2f} | {share:.0%} | {np.mean(list(without.values())):.3f} "
                    f"| {np.mean(list(raised.values())):.3f} "
                    f"| {gain.mean:+.3f} [{gain.low:+.3f}, {gain.high:+.3f}] |",
                    flush=True,
                )


def _raised(answer: list[str], votes: Sequence[tuple[str, float]], weight: float) -> list[str]:
    return [product for product, _ in lifted([(product, 0.0) for product in answer], votes, weight)]


def print_time(queries: int = 20_000) -> None:
    """Of opening a memory, and of one look."""
    votes = {f"word{n} word{n % 97}": {f"p{n}-{m}": 0.1 for m in range(5)} for n in range(queries)}
    content = QueryMemory.of(votes).to_bytes()
    begun = time.perf_counter()
    memory = QueryMemory.from_bytes(content)
    memory.votes_for("nothing")
    opened = time.perf_counter()
    for number in range(10_000):
        memory.votes_for(f"word{number * 3} word{number}")
    looked = (time.perf_counter() - opened) / 10_000
    print(f"{queries:,} queries: file {len(content) / 1e6:.1f} MB, opened in {(opened - begun) * 1e3:.0f} ms")
    print(f"one look: {looked * 1e6:.0f} microseconds")


def main() -> None:
    """One home."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("home", type=Path)
    home = parser.parse_args().home.resolve()
    texts, grades = judged_words(home)
    answers = engine_answers(home, texts)
    print_curve(texts, grades, answers)
    print_time()


if __name__ == "__main__":
    main()
