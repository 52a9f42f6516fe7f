"""A judged query is read for training and evaluation as the engine prepares it."""

from itertools import product
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.errors import QueryError
from mmsearch_dagster.core.release import RetrievalParams
from mmsearch_dagster.core.retrieval.query import Query
from mmsearch_dagster.core.speech.transcript import NOTHING, Transcript
from mmsearch_dagster.pipeline.training.queries import _judged_query
from mmsearch_dagster.serving.prepare_query import prepare
from mmsearch_dagster.serving.transcriber import Transcriber
from tests.core.understanding.shop import reader
from tests.media import sound_file, tone

TYPED = (None, "red", "  Red   SHOES ", "红色运动鞋", "красные туфли", "...", " <b> </b> ")
TRANSCRIPTS = (None, Transcript("wool scarf", 0.7), Transcript("the", 0.05), NOTHING)
VOICE = sound_file(tone(500, 0.5))
QUERIES = [given for given in product(TYPED, (False, True), TRANSCRIPTS, (False, True)) if any(given[:3])]


@pytest.mark.parametrize(("typed", "image", "transcript", "torn"), QUERIES)
def test_a_judged_query_is_what_the_engine_prepares_and_nothing_where_it_refuses(
    typed: str | None, image: bool, transcript: Transcript | None, torn: bool, tmp_path: Path
) -> None:
    """torn: the recording cannot be read; nothing was recognised in it then."""
    torn = torn and transcript == NOTHING

    class Recogniser:
        fingerprint = "fixed"

        def transcribe(self, samples: NDArray[np.float32]) -> Transcript:
            assert transcript is not None
            return transcript

    voice = tmp_path / "voice.wav"
    voice.write_bytes(VOICE[:20] if torn else VOICE)
    row = {col.QUERY_ID: "q", col.QUERY_TEXT: typed, col.PRODUCT_ID: ["p"], col.GRADE: [3]}
    judged = _judged_query(
        row, Path("photo") if image else None, voice if transcript else None, transcript or NOTHING
    )
    query = Query(
        text=typed, image=b"photo" if image else None, audio=voice.read_bytes() if transcript else None
    )
    try:
        served = prepare(query, RetrievalParams(), Transcriber(Recogniser))
    except QueryError:
        assert judged == judged.refused()
        assert torn or not image
        return
    assert (judged.text, judged.kind, judged.text_blend) == (served.text, served.kind, served.text_blend)
    assert (judged.voice is not None) is (served.audio is not None)
    assert (judged.picture is not None) is image


def test_a_misspelt_judged_query_is_corrected_as_the_engine_corrects_it() -> None:
    row = {col.QUERY_ID: "q", col.QUERY_TEXT: "blu sneekers", col.PRODUCT_ID: ["p"], col.GRADE: [3]}

    judged = _judged_query(row, None, None, NOTHING, reader=reader())

    assert judged.text == "blue sneakers"
