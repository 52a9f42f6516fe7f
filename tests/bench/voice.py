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
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from mmsearch_dagster.adapters.lake.snapshots import Lake
from mmsearch_dagster.cli.options import released_of
from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.metrics.bootstrap import interval, paired_difference
from mmsearch_dagster.core.metrics.ranking import by_query, per_query
from mmsearch_dagster.core.retrieval.query import Answer, Query
from mmsearch_dagster.core.speech.language import spoken_words
from mmsearch_dagster.core.speech.noise import with_noise
from mmsearch_dagster.core.speech.transcript import NOTHING, word_error_rate
from mmsearch_dagster.serving.engine import Engine
from mmsearch_dagster.settings import DEFAULT_HOME
from tests.bench.voices import MORE_VOICES, VOICES, Reading, Voice, read_aloud
from tests.media import sound_file

# Decibels of speech over noise; None is a quiet room.
NOISES = (None, 20.0, 10.0, 5.0, 0.0)
METRIC = "ndcg@10"
SPLITS = ("validation", "test")
SEED = 7


@dataclass(frozen=True)
class Spoken:
    """One loudness of noise, in one voice or in all of them (None).

    ratio: nDCG of what was said over that of what was typed. Intervals are over queries, each the mean of
    its readings.
    """

    snr_db: float | None
    voice: str | None
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
    readings: Sequence[Reading],
    grades: Mapping[str, Mapping[str, int]],
    noises: Sequence[float | None] = NOISES,
) -> list[Spoken]:
    """For each loudness of noise a row of all voices, and one per voice where there are several."""
    texts = {one.query_id: one.text for one in readings}
    typed = _answered(engine, [Query(text=text, query_id=key) for key, text in texts.items()], grades)
    wanted = dict(zip(texts, (value for _, value in typed), strict=True))
    voices = list(dict.fromkeys(one.voice for one in readings))
    rows = []
    for snr in noises:
        asked = [
            Query(audio=sound_file(_in_noise(one.samples, snr, number)), query_id=one.query_id)
            for number, one in enumerate(readings)
        ]
        said = list(zip(readings, _answered(engine, asked, grades), strict=True))
        rows.append(_row(snr, None, said, wanted))
        for voice in voices if len(voices) > 1 else ():
            rows.append(_row(snr, voice, [one for one in said if one[0].voice == voice], wanted))
    return rows


def _in_noise(samples: NDArray[np.float32], snr: float | None, number: int) -> NDArray[np.float32]:
    return samples if snr is None else with_noise(samples, snr, SEED + number)


def _answered(
    engine: Engine, asked: Sequence[Query], grades: Mapping[str, Mapping[str, int]]
) -> list[tuple[Answer, float]]:
    """The answer to each and its nDCG; one that was not understood counts 0."""
    answers = engine.search_batch(asked, k=10)
    found = {str(place): [hit.product_id for hit in one.hits] for place, one in enumerate(answers)}
    judged = {str(place): grades[one.query_id] for place, one in enumerate(asked)}
    values = by_query(per_query(found, judged, metrics=[METRIC]), METRIC)
    return [(one, values.get(str(place), 0.0)) for place, one in enumerate(answers)]


def _row(
    snr: float | None,
    voice: Voice | None,
    said: Sequence[tuple[Reading, tuple[Answer, float]]],
    typed: Mapping[str, float],
) -> Spoken:
    heard = [one.transcript or NOTHING for _, (one, _) in said]
    pairs = [(spoken_words(one.text), words.words) for (one, _), words in zip(said, heard, strict=True)]
    values: dict[str, list[float]] = {}
    for one, (_, value) in said:
        values.setdefault(one.query_id, []).append(value)
    figures, wanted = [float(np.mean(one)) for one in values.values()], [typed[key] for key in values]
    mean, apart = interval(figures, seed=SEED), paired_difference(figures, wanted, seed=SEED)
    return Spoken(
        snr_db=snr,
        voice=" ".join(map(str, voice)) if voice else None,
        queries=len(values),
        word_error_rate=word_error_rate(pairs),
        exact=float(np.mean([tuple(words) == understood for words, understood in pairs])),
        confidence=float(np.mean([one.confidence for one in heard])),
        ndcg=mean.mean,
        low=mean.low,
        high=mean.high,
        typed=float(np.mean(wanted)),
        ratio=mean.mean / max(float(np.mean(wanted)), 1e-9),
        difference_low=apart.low,
        difference_high=apart.high,
    )


def judged(home: Path, limit: int) -> tuple[dict[str, str], dict[str, dict[str, int]]]:
    """Typed English queries without a picture, and their grades; every second is of the test split."""
    rows = Lake(home / "lake").current("queries").table()
    words = rows.filter(
        pl.col(col.QUERY_TEXT).is_not_null() & pl.col(col.IMAGE).is_null() & pl.col(col.SPLIT).is_in(SPLITS)
    )
    texts, grades = {}, {}
    for key, text, product, grade in words.select(
        col.QUERY_ID, col.QUERY_TEXT, col.PRODUCT_ID, col.GRADE
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
    parser.add_argument("--every-voice", action="store_true", help="each query in all of them, and in more")
    parser.add_argument("--clean", action="store_true", help="without noise only")
    parser.add_argument("--out", type=Path, default=None, help="write the figures as JSON")
    asked = parser.parse_args()
    home = asked.home.resolve()
    released = released_of(home)
    known = (*VOICES, *MORE_VOICES) if asked.every_voice else VOICES
    voices = [(name, 150, 50) for name in asked.voice] if asked.voice else known
    texts, grades = judged(home, asked.queries)
    readings = read_aloud(texts, voices, every=asked.every_voice)
    rows = measure(released.engine(), readings, grades, NOISES[:1] if asked.clean else NOISES)
    _show(rows, f"{released.release_id()}: {', '.join(voice[0] for voice in voices)}")
    if asked.out:
        asked.out.write_text(json.dumps([asdict(row) for row in rows], indent=1))


def _show(rows: Sequence[Spoken], title: str) -> None:
    table = Table(title=title, title_justify="left")
    for name in ("SNR", "voice", "queries", "WER", "exact", "confidence", "nDCG@10", "95%", "typed", "ratio"):
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(
            "clean" if row.snr_db is None else f"{row.snr_db:.0f} dB",
            row.voice or "all",
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
