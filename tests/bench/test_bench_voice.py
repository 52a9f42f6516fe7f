"""The bench of spoken queries: its rows, by a stand-in engine that hears one voice and not the other."""

from collections.abc import Sequence

import numpy as np
import pytest

from mmsearch_dagster.core.retrieval.query import Answer, AnswerHit, Query
from mmsearch_dagster.core.speech.transcript import NOTHING, Transcript
from tests.bench.voice import measure
from tests.bench.voices import Reading, read_aloud

LOUD, SOFT = ("en-us", 150, 50), ("en-gb", 140, 50)


class OneEared:
    """Finds `p1` for what is typed and for recordings longer than a second."""

    def search_batch(self, queries: Sequence[Query], *, k: int) -> list[Answer]:
        return [self._answer(one) for one in queries]

    def _answer(self, query: Query) -> Answer:
        understood = not query.audio or len(query.audio) > 30_000
        hits = (AnswerHit("p1", 1.0, 1, {}, {}),) if understood else ()
        heard = (Transcript("red shoes", 0.8) if understood else NOTHING) if query.audio else None
        return Answer(hits, "r", 1.0, "voice", query_id=query.query_id, transcript=heard)


def reading(key: str, voice: tuple[str, int, int], seconds: float) -> Reading:
    return Reading(key, "red shoes", voice, np.zeros(int(16_000 * seconds), np.float32))


def test_a_row_of_all_voices_and_one_of_each() -> None:
    readings = [reading(key, *said) for key in ("a", "b") for said in ((LOUD, 2.0), (SOFT, 0.5))]
    rows = measure(OneEared(), readings, {"a": {"p1": 1}, "b": {"p1": 2}}, noises=[None])  # pyright: ignore
    assert [row.voice for row in rows] == [None, "en-us 150 50", "en-gb 140 50"]
    assert [row.ratio for row in rows] == pytest.approx([0.5, 1.0, 0.0])
    assert [row.word_error_rate for row in rows] == pytest.approx([0.5, 0.0, 1.0])
    assert {row.queries for row in rows} == {2}


def test_one_voice_alone_has_no_row_of_its_own() -> None:
    rows = measure(OneEared(), [reading("a", LOUD, 2.0)], {"a": {"p1": 1}}, noises=[None, 20.0])  # pyright: ignore
    assert [(row.snr_db, row.voice) for row in rows] == [(None, None), (20.0, None)]


def test_voices_take_turns_or_all_read_everything() -> None:
    pytest.importorskip("espeakng_loader", reason="speech comes from espeak-ng")
    texts = {"a": "cap", "b": "mug", "c": "kite"}
    turns = read_aloud(texts, (LOUD, SOFT), every=False)
    assert [one.voice for one in turns] == [LOUD, SOFT, LOUD]
    every = read_aloud(texts, (LOUD, SOFT), every=True)
    assert [(one.query_id, one.voice) for one in every] == [
        (key, voice) for key in texts for voice in (LOUD, SOFT)
    ]
