"""Each request prepares its query once: what is encoded and transcribed is passed on, not made again."""

from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from fastapi.testclient import TestClient
from numpy.typing import NDArray

from mmsearch_dagster.api.app import create_app
from mmsearch_dagster.api.people import PeopleAccess
from mmsearch_dagster.core.encoders.protocol import Content, EncodedBatch
from mmsearch_dagster.core.modalities import IMAGE, TEXT
from mmsearch_dagster.core.retrieval.query import Query
from mmsearch_dagster.core.speech.transcript import Transcript
from mmsearch_dagster.serving import release_parts
from mmsearch_dagster.serving.engine import Engine
from mmsearch_dagster.serving.recommender import Recommender
from tests.api.test_app import wait_for
from tests.media import sound_file, tone
from tests.small_people import fan, make_people
from tests.small_release import HashedWords, MeanColour, make_release, picture

pytestmark = pytest.mark.slow

VOICE = sound_file(tone(500, 0.5))
SPOKEN = Query(text="red", image=picture("red"), audio=VOICE)
FORM = {"text": "red", "image_base64": b64encode(picture("red")).decode()}
SPOKEN_FORM = {**FORM, "audio_base64": b64encode(VOICE).decode()}
ONCE = {"text": 1, "image": 1, "voice": 1}
ONCE_UNSPOKEN = {"text": 1, "image": 1, "voice": 0}


class CountingColour(MeanColour):
    calls = 0

    def encode(self, contents: Sequence[Content]) -> Iterator[EncodedBatch]:
        self.calls += 1
        return super().encode(contents)


@dataclass
class CountingRecogniser:
    fingerprint: str = "counting"
    calls: int = 0

    def transcribe(self, samples: NDArray[np.float32]) -> Transcript:
        self.calls += 1
        return Transcript("wool scarf", 0.9)


@dataclass
class Shop:
    """A release that knows people, and how often its encoders and its recogniser were called."""

    recommender: Recommender
    client: TestClient
    words: HashedWords
    colour: CountingColour
    recogniser: CountingRecogniser

    def calls(self) -> dict[str, int]:
        return {"text": self.words.calls, "image": self.colour.calls, "voice": self.recogniser.calls}

    def calls_of(self, request: Callable[["Shop"], object]) -> dict[str, int]:
        before = self.calls()
        request(self)
        return {name: count - before[name] for name, count in self.calls().items()}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("prepared")
    release = make_release(folder / "release", products=60)
    words, colour, recogniser = HashedWords(), CountingColour(), CountingRecogniser()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(release_parts, "open_recogniser", lambda *_: recogniser)
        engine = Engine.open(
            release.manifest, release.index_uri, release.model_dir, {TEXT: words, IMAGE: colour}
        )
        people = make_people(folder / "people", release)
        door = PeopleAccess(people.recommender, lambda raw: raw)
        app = create_app(lambda: engine, lambda: "r-one", release.media_root, poll_seconds=0.02, people=door)
        with TestClient(app) as client:
            wait_for(client, "r-one")
            yield Shop(people.recommender(engine), client, words, colour, recogniser)


def posted(path: str, body: dict[str, str]) -> Callable[[Shop], object]:
    def request(shop: Shop) -> None:
        reply = shop.client.post(path, json=body)
        assert reply.status_code == 200, reply.text

    return request


REQUESTS: dict[str, tuple[Callable[[Shop], object], dict[str, int]]] = {
    "search": (lambda shop: shop.recommender.engine.search(SPOKEN, k=5), ONCE),
    "search for a person": (lambda shop: shop.recommender.search(SPOKEN, fan(0), k=5), ONCE),
    "search for nobody known": (lambda shop: shop.recommender.search(SPOKEN, "nobody", k=5), ONCE),
    "explain": (lambda shop: shop.recommender.explain(SPOKEN, "p00000"), ONCE),
    "explain for a person": (lambda shop: shop.recommender.explain(SPOKEN, "p00000", fan(0)), ONCE),
    "campaign": (lambda shop: shop.recommender.campaign(SPOKEN, k=5), ONCE),
    "POST /search": (posted("/search", SPOKEN_FORM), ONCE),
    "POST /search with a user": (posted("/search", {**SPOKEN_FORM, "user": fan(0)}), ONCE),
    "POST /explain": (posted("/explain", {**SPOKEN_FORM, "product_id": "p00000"}), ONCE),
    "POST /explain with a user": (
        posted("/explain", {**SPOKEN_FORM, "product_id": "p00000", "user": fan(0)}),
        ONCE,
    ),
    "POST /campaign": (posted("/campaign", FORM), ONCE_UNSPOKEN),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_a_request_encodes_and_transcribes_its_query_once(shop: Shop, name: str) -> None:
    request, expected = REQUESTS[name]
    assert shop.calls_of(request) == expected


def test_a_prepared_query_is_searched_and_explained_without_another_call(shop: Shop) -> None:
    prepared = shop.recommender.engine.prepare(SPOKEN)
    assert shop.calls_of(lambda shop: shop.recommender.engine.search(prepared, k=5)) == dict.fromkeys(ONCE, 0)


def test_an_answer_for_a_person_carries_transcript_and_kind_as_the_plain_one_does(shop: Shop) -> None:
    plain = shop.recommender.engine.search(SPOKEN, k=5)
    mine, order = shop.recommender.search(SPOKEN, fan(0), k=5)
    assert order == "ordered for this person"
    assert plain.transcript is not None
    assert (mine.transcript, mine.kind, mine.note) == (plain.transcript, plain.kind, plain.note)
    assert mine.kind == "words+voice+picture"
