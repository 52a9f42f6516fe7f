"""`python -m tests.bench.voice --home H`: how well a released engine answers what is said, over noise.

The judged English word queries of the home's last run, read aloud by espeak-ng, white noise mixed in:
word error rate, and nDCG@10 of the released engine beside that of the same queries typed.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import polars as pl
from rich.console import Console
from rich.table import Table

from mmsearch_dagster.adapters.answers import Answer, Query
from mmsearch_dagster.adapters.engine import Engine
from mmsearch_dagster.adapters.lake import Lake
from mmsearch_dagster.adapters.released import Released
from mmsearch_dagster.adapters.spoken import speak
from mmsearch_dagster.core import columns as c
from mmsearch_dagster.core.bootstrap import interval, paired_difference
from mmsearch_dagster.core.metrics import by_query, per_query
from mmsearch_dagster.core.speech.language import spoken_words
from mmsearch_dagster.core.speech.noise import with_noise
from mmsearch_dagster.core.speech.transcript import word_error_rate
from mmsearch_dagster.settings import DEFAULT_HOME, Settings
from tests.media import sound_file

# Decibels of speech over noise; None is a quiet room.
NOISES = (None, 20.0, 10.0, 5.0, 0.0)
# voice, words per minute, pitch; queries take turns.
VOICES = (("en-us", 150, 50), ("en-us+m3", 140, 45), ("en-us+f2", 150, 55), ("en-gb", 140, 50))
METRIC = "ndcg@10"
SPLITS = ("validation", "test")
SEED = 7


@dataclass(frozen=True)
class Spoken:
    """One loudness of noise. ratio: nDCG of what was said over that of what was typed."""

    snr_db: float | None
    queries: int
    word_error_rate: float
    exact: float
    confidence: float
    ndcg: float
    low: float
    high: float
    typed: float
    ratio: float
    difference_low: float
    difference_high: float


def measure(
    engine: Engine,
    texts: Mapping[str, str],
    grades: Mapping[str, Mapping[str, int]],
    voices: Sequence[tuple[str, int, int]],
) -> list[Spoken]:
    """One row per loudness of noise. texts: query id -> what is said and typed."""
    typed = engine.search_batch([Query(text=text, query_id=key) for key, text in texts.items()], k=10)
    recordings = {
        key: speak(text, *voices[number % len(voices)]) for number, (key, text) in enumerate(texts.items())
    }
    rows = []
    for snr in NOISES:
        asked = [
            Query(
                audio=sound_file(samples if snr is None else with_noise(samples, snr, SEED + number)),
                query_id=key,
            )
            for number, (key, samples) in enumerate(recordings.items())
        ]
        rows.append(_row(snr, texts, engine.search_batch(asked, k=10), typed, grades))
    return rows


def _row(
    snr: float | None,
    texts: Mapping[str, str],
    said: Sequence[Answer],
    typed: Sequence[Answer],
    grades: Mapping[str, Mapping[str, int]],
) -> Spoken:
    heard = {one.query_id: one.transcript.words if one.transcript else () for one in said}
    pairs = [(spoken_words(text), heard[key]) for key, text in texts.items()]
    figures, wanted = _values(said, texts, grades), _values(typed, texts, grades)
    mean, apart = interval(figures, seed=SEED), paired_difference(figures, wanted, seed=SEED)
    return Spoken(
        snr_db=snr,
        queries=len(texts),
        word_error_rate=word_error_rate(pairs),
        exact=float(np.mean([tuple(words) == understood for words, understood in pairs])),
        confidence=float(np.mean([one.transcript.confidence if one.transcript else 0.0 for one in said])),
        ndcg=mean.mean,
        low=mean.low,
        high=mean.high,
        typed=float(np.mean(wanted)),
        ratio=mean.mean / max(float(np.mean(wanted)), 1e-9),
        difference_low=apart.low,
        difference_high=apart.high,
    )


def _values(
    answers: Sequence[Answer], texts: Mapping[str, str], grades: Mapping[str, Mapping[str, int]]
) -> list[float]:
    """nDCG of each query; one that was not understood counts 0."""
    found = {one.query_id: [hit.product_id for hit in one.hits] for one in answers}
    asked = {key: grades[key] for key in texts}
    values = by_query(per_query(found, asked, metrics=[METRIC]), METRIC)
    return [values.get(key, 0.0) for key in texts]


def judged(home: Path, limit: int) -> tuple[dict[str, str], dict[str, dict[str, int]]]:
    """Typed English queries without a picture, and their grades; every second is of the test split."""
    rows = Lake(home / "lake").current("queries").table()
    words = rows.filter(
        pl.col(c.QUERY_TEXT).is_not_null() & pl.col(c.IMAGE).is_null() & pl.col(c.SPLIT).is_in(SPLITS)
    )
    texts, grades = {}, {}
    for key, text, product, grade in words.select(
        c.QUERY_ID, c.QUERY_TEXT, c.PRODUCT_ID, c.GRADE
    ).iter_rows():
        if text.isascii() and spoken_words(text):
            texts[key] = text
            grades.setdefault(key, {})[product] = grade
    kept = list(texts)[:limit]
    return {key: texts[key] for key in kept}, {key: grades[key] for key in kept}


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, default=Path(DEFAULT_HOME))
    parser.add_argument("--queries", type=int, default=1_000, help="at most")
    parser.add_argument("--voice", action="append", help="only these of espeak-ng's; repeatable")
    parser.add_argument("--out", type=Path, default=None, help="write the figures as JSON")
    asked = parser.parse_args()
    paths = Settings(asked.home.resolve()).paths
    released = Released(
        home=paths.home,
        mlflow=paths.mlflow,
        ledger=paths.ledger,
        index=paths.index,
        encoder_cache=paths.encoder_cache,
    )
    voices = [(name, 150, 50) for name in asked.voice] if asked.voice else VOICES
    rows = measure(released.engine(), *judged(paths.home, asked.queries), voices)
    _show(rows, f"{released.release_id()}: {', '.join(voice[0] for voice in voices)}")
    if asked.out:
        asked.out.write_text(json.dumps([asdict(row) for row in rows], indent=1))


def _show(rows: Sequence[Spoken], title: str) -> None:
    table = Table(title=title, title_justify="left")
    for name in ("SNR", "queries", "WER", "exact", "confidence", "nDCG@10", "95%", "typed", "ratio"):
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(
            "clean" if row.snr_db is None else f"{row.snr_db:.0f} dB",
            str(row.queries),
            f"{row.word_error_rate:.3f}",
            f"{row.exact:.2f}",
            f"{row.confidence:.2f}",
            f"{row.ndcg:.3f}",
            f"{row.low:.3f}-{row.high:.3f}",
            f"{row.typed:.3f}",
            f"{row.ratio:.3f}",
        )
    Console().print(table)


if __name__ == "__main__":
    main()
