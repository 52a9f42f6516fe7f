"""A judged query is read for training and evaluation as the engine prepares it."""

from itertools import product
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mmsearch_dagster.core.catalog import columns as c
from mmsearch_dagster.core.errors import QueryError
from mmsearch_dagster.core.release import RetrievalParams
from mmsearch_dagster.core.retrieval.query import Query
from mmsearch_dagster.core.speech.transcript import Transcript
from mmsearch_dagster.pipeline.training.queries import _judged
from mmsearch_dagster.serving.prepare_query import is_understood, prepare
from mmsearch_dagster.serving.transcriber import Transcriber
from tests.media import sound_file, tone

TYPED = (None, "red", "  Red   SHOES ", "红色运动鞋", "красные туфли", "...")
TRANSCRIPTS = (None, Transcript("wool scarf", 0.7), Transcript("the", 0.05), Transcript("", 0.0))
VOICE = sound_file(tone(500, 0.5))
QUERIES = [given for given in product(TYPED, (False, True), TRANSCRIPTS) if any(given)]


@pytest.mark.parametrize(("typed", "image", "transcript"), QUERIES)
def test_words_kind_and_blend_of_a_judged_query_are_those_of_the_engine(
    typed: str | None, image: bool, transcript: Transcript | None
) -> None:
    class Recogniser:
        fingerprint = "fixed"

        def transcribe(self, samples: NDArray[np.float32]) -> Transcript:
            assert transcript is not None
            return transcript

    row = {c.QUERY_ID: "q", c.QUERY_TEXT: typed, c.PRODUCT_ID: ["p"], c.GRADE: [3]}
    understood = transcript if transcript and is_understood(transcript) else None
    judged = _judged(row, Path("photo") if image else None, Path("voice") if transcript else None, understood)
    query = Query(text=typed, image=b"photo" if image else None, audio=VOICE if transcript else None)
    try:
        served = prepare(query, RetrievalParams(), Transcriber(Recogniser))
    except QueryError:
        assert (judged.text, judged.picture, judged.voice) == (None, None, None)
        return
    assert (judged.text, judged.kind) == (served.text, served.kind)
    assert judged.text_blend == (served.text_blend if served.text else judged.text_blend)
    assert (judged.voice is not None) is (served.audio is not None)
