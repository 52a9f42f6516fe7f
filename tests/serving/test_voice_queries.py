"""Spoken queries to a whole small release: alone, with words, with a picture, not understood."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from mmsearch_dagster.adapters.sources.query_list import read_query_list
from mmsearch_dagster.adapters.speech.espeak import speak
from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.errors import QueryError, ReleaseMismatchError
from mmsearch_dagster.core.modalities import IMAGE, TEXT
from mmsearch_dagster.core.release import RetrievalParams
from mmsearch_dagster.core.speech.language import LANGUAGE_FILE, shop_language
from mmsearch_dagster.core.speech.transcript import Recogniser, Transcript
from mmsearch_dagster.serving import release_parts
from mmsearch_dagster.serving.engine import Answer, AnswerHit, Engine, Query
from mmsearch_dagster.serving.prepare_query import prepare
from mmsearch_dagster.serving.transcriber import Transcriber
from tests.media import clap, clicks, hum, noise, sound_file, tone
from tests.small_release import HashedWords, MeanColour, SmallRelease, make_release, picture

pytestmark = pytest.mark.slow  # speech

pytest.importorskip("espeakng_loader", reason="speech for these tests comes from espeak-ng")


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    one = make_release(tmp_path_factory.mktemp("voices"))
    return Engine.open(one.manifest, one.index_uri, one.model_dir, {TEXT: HashedWords(), IMAGE: MeanColour()})


def hearing_always(text: str, confidence: float) -> Recogniser:
    class Stubborn:
        fingerprint = "stubborn"

        def transcribe(self, samples: NDArray[np.float32]) -> Transcript:
            return Transcript(text, confidence)

    return Stubborn()


def voice(text: str) -> bytes:
    return sound_file(speak(text))


def test_a_voice_finds_what_its_words_find(engine: Engine) -> None:
    spoken = engine.search(Query(audio=voice("blue leather bag")), k=5)
    assert spoken.transcript is not None
    assert spoken.transcript.text == "blue leather bag"
    assert 0 < spoken.transcript.confidence <= 1
    assert spoken.kind == "voice"
    # The release knows no blend for voices, so the one for typed words holds.
    typed = engine.search(Query(text="blue leather bag"), k=5)
    assert [hit.product_id for hit in spoken.hits] == [hit.product_id for hit in typed.hits]


def test_a_release_hears_in_the_language_that_was_kept_with_it(engine: Engine, tmp_path: Path) -> None:
    one = make_release(tmp_path)
    bags = pl.DataFrame({col.PRODUCT_ID: ["p1"], col.TITLE: ["leather bag"]})
    kept = shop_language(bags)
    file = one.model_dir / LANGUAGE_FILE
    manifest = one.manifest.model_copy(update={"language": kept.digest})
    recording = Query(audio=voice("blue leather bag"))

    def ask() -> Answer:
        encoders = {TEXT: HashedWords(), IMAGE: MeanColour()}
        return Engine.open(manifest, one.index_uri, one.model_dir, encoders).search(recording, k=1)

    file.write_text(kept.to_json(), encoding="utf-8")
    heard = ask().transcript
    assert heard is not None
    assert "blue" not in heard.words
    assert heard.words[-2:] == ("leather", "bag")
    file.write_text(shop_language(bags.clear()).to_json(), encoding="utf-8")
    with pytest.raises(ReleaseMismatchError, match=r"is not the language of.*; put the files back"):
        ask()
    file.write_text("[1, 2", encoding="utf-8")
    with pytest.raises(ReleaseMismatchError, match="cannot be read"):
        ask()


def test_words_voice_and_picture_are_all_read(engine: Engine) -> None:
    asked = Query(text="bag", audio=voice("leather bag"), image=picture("blue"))
    answer = engine.search(asked, k=3)
    assert answer.kind == "words+voice+picture"
    assert answer.transcript is not None
    assert answer.transcript.text
    prepared = engine.prepare(asked)
    assert set(prepared.text_blend) == {"bag", f"bag {answer.transcript.text}"}
    assert all(prepared.vectors.present[name][0] for name in (TEXT, IMAGE))


def with_ears(release: SmallRelease, ears: Recogniser, monkeypatch: pytest.MonkeyPatch) -> Engine:
    monkeypatch.setattr(release_parts, "open_recogniser", lambda *_: ears)
    encoders = {TEXT: HashedWords(), IMAGE: MeanColour()}
    return Engine.open(release.manifest, release.index_uri, release.model_dir, encoders)


def test_beside_typed_words_a_transcript_counts_as_much_as_it_is_sure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    release, query = make_release(tmp_path), Query(text="red", audio=voice("anything"))

    def asked(confidence: float, question: Query) -> list[AnswerHit]:
        engine = with_ears(release, hearing_always("wool scarf", confidence), monkeypatch)
        return list(engine.search(question, k=8).hits)

    def red(hits: list[AnswerHit]) -> int:
        return sum("red" in hit.payload["title"] for hit in hits)

    assert asked(1.0, query) == asked(1.0, Query(text="red wool scarf"))
    assert red(asked(0.11, query)) == 8 > red(asked(1.0, query))
    assert {"lexical", "typed"} <= set(asked(0.11, query)[0].branches)
    # Alone there is nothing to weigh it against.
    assert asked(0.11, Query(audio=query.audio)) == asked(1.0, Query(text="wool scarf"))


def test_a_typed_query_has_no_transcript(engine: Engine) -> None:
    assert engine.search(Query(text="red"), k=1).transcript is None


@pytest.mark.parametrize(
    ("recording", "message"),
    [
        (b"not a sound", "the voice of the query cannot be read: a text file"),
        (sound_file(np.zeros(16_000, np.float32)), "not understood: speak close to the microphone"),
        (sound_file(noise(2)), "not understood"),
        (b"", "the query is empty"),
    ],
)
def test_a_voice_that_says_nothing_gets_a_sentence(engine: Engine, recording: bytes, message: str) -> None:
    with pytest.raises(QueryError, match=message):
        engine.search(Query(audio=recording), k=3)


NO_SPEECH = {
    "clap": clap(),
    "claps": clap(3),
    "clicks": clicks(),
    "hum": hum(),
    "whistle": np.pad(tone(1_000, 0.3), 8_000),
    "rustle": np.pad(noise(0.2), 8_000),
    "steady noise": noise(2),
}


@pytest.mark.parametrize("sound", NO_SPEECH)
def test_a_sound_that_is_no_voice_is_not_understood(engine: Engine, sound: str) -> None:
    with pytest.raises(QueryError, match="not understood"):
        engine.search(Query(audio=sound_file(NO_SPEECH[sound])), k=3)


@pytest.mark.parametrize("sound", NO_SPEECH)
def test_a_voice_that_says_nothing_does_not_spoil_the_words_beside_it(engine: Engine, sound: str) -> None:
    answer = engine.search(Query(text="red", audio=sound_file(NO_SPEECH[sound])), k=3)
    assert answer.kind == "words"
    assert answer.transcript is not None
    assert [hit.product_id for hit in answer.hits] == [
        hit.product_id for hit in engine.search(Query(text="red"), k=3).hits
    ]


def test_a_doubtful_voice_weighs_less_beside_a_picture(engine: Engine) -> None:
    hearing = Transcriber(lambda: hearing_always("leather", 0.5))
    spoken, shown = voice("leather"), picture("red")
    blend = RetrievalParams(
        weights={"voice": {"lexical": 1.0}, "voice+picture": {"lexical": 1.0, "image": 2.0}}
    )
    alone = prepare(Query(audio=spoken), blend, hearing)
    both = prepare(Query(audio=spoken, image=shown), blend, hearing)
    chosen = prepare(Query(audio=spoken, image=shown, weights={"text": 2.0}), blend, hearing)
    assert alone.weights == {"vector": 1.0, "lexical": 1.0}
    assert both.weights == {"vector": 1.0, "lexical": 0.5, "image": 2.0}
    assert chosen.weights == {"vector": 1.0, "lexical": 0.5, "image": 2.0, "text": 2.0}


def test_a_file_of_spoken_queries_is_read(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "one.wav").write_bytes(voice("green wool scarf"))
    rows = [{"query_id": "a", "audio": "one.wav"}, {"query_id": "b", "audio": "gone.wav"}]
    (tmp_path / "asked.ndjson").write_text("\n".join(map(json.dumps, rows)))
    asked = read_query_list(tmp_path / "asked.ndjson")
    assert [one.query_id for one in asked.queries] == ["a", "b"]
    assert asked.queries[1].audio is None
    found = engine.search_batch(asked.queries, k=3)[0]
    assert found.transcript is not None
    assert "scarf" in found.transcript.words
