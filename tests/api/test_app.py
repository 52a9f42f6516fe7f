import base64
import json
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from starlette.exceptions import HTTPException

from mmsearch_dagster.adapters.speech.espeak import speak
from mmsearch_dagster.api import upload_limit
from mmsearch_dagster.api.app import create_app
from mmsearch_dagster.api.media import first_image
from mmsearch_dagster.core.errors import ReleaseMismatchError
from mmsearch_dagster.core.media.images import open_image
from mmsearch_dagster.core.modalities import IMAGE, TEXT
from mmsearch_dagster.serving.engine import Engine
from tests.media import noise, sound_file, tone
from tests.small_release import HashedWords, MeanColour, SmallRelease, make_release, picture

FIXTURES = Path(__file__).parents[1] / "fixtures"


@dataclass
class Pointer:
    """The releases there are and the one that is current."""

    releases: dict[str, SmallRelease]
    current: str | None
    broken: bool = False

    def release_id(self) -> str | None:
        return self.current

    def open(self) -> Engine:
        if self.broken:
            raise ReleaseMismatchError("the weights are not those of the release")
        release = self.releases[self.current or ""]
        encoders = {TEXT: HashedWords(), IMAGE: MeanColour()}
        return Engine.open(release.manifest, release.index_uri, release.model_dir, encoders)


@pytest.fixture(scope="module")
def releases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, SmallRelease]:
    home = tmp_path_factory.mktemp("api")
    return {
        "r-one": make_release(home, name="r-one"),
        "r-two": make_release(home, name="r-two", products=12, seed=8),
    }


@pytest.fixture
def pointer(releases: dict[str, SmallRelease]) -> Pointer:
    return Pointer(releases, "r-one")


@pytest.fixture
def client(pointer: Pointer) -> Iterator[TestClient]:
    media = pointer.releases["r-one"].media_root
    with TestClient(create_app(pointer.open, pointer.release_id, media, poll_seconds=0.02)) as client:
        wait_for(client, pointer.current)
        yield client


def wait_for(client: TestClient, release_id: str | None) -> None:
    for _ in range(500):
        if client.get("/health").json().get("release_id") == release_id:
            return
        time.sleep(0.02)
    raise AssertionError(client.get("/health").text)


def test_words_as_a_form_and_as_json_find_the_same(client: TestClient) -> None:
    form = client.post("/search", data={"text": "red shoes", "k": "4"}, files={"image": ("", b"")})
    asked = client.post("/search", json={"text": "red shoes", "k": 4})
    assert form.status_code == asked.status_code == 200
    answer = asked.json()
    assert answer["hits"] == form.json()["hits"]
    assert (answer["release_id"], answer["kind"], len(answer["hits"])) == ("r-one", "words", 4)
    hit = answer["hits"][0]
    assert hit["picture"] == f"/media/{hit['product_id']}"
    assert set(hit["branches"]) == {"vector", "lexical"}
    assert hit["payload"]["currency"] == "EUR"


def test_a_picture_as_a_file_and_in_base64_find_the_same(client: TestClient) -> None:
    photo = picture("blue")
    form = client.post("/search", files={"image": ("photo.png", photo, "image/png")})
    encoded = base64.b64encode(photo).decode()
    for text in (encoded, f"data:image/png;base64,{encoded}"):
        asked = client.post("/search", json={"image_base64": text})
        assert asked.json()["hits"] == form.json()["hits"]
    assert form.json()["kind"] == "picture"
    both = client.post("/search", data={"text": "bag"}, files={"image": ("photo.png", photo)})
    assert both.json()["kind"] == "words+picture"


def test_a_voice_is_heard_and_its_transcript_told(client: TestClient) -> None:
    pytest.importorskip("espeakng_loader", reason="speech for this test comes from espeak-ng")
    recording = sound_file(speak("blue leather bag"))
    form = client.post("/search", files={"audio": ("voice.wav", recording, "audio/wav")}).json()
    asked = client.post("/search", json={"audio_base64": base64.b64encode(recording).decode()}).json()
    assert form["transcript"]["text"] == asked["transcript"]["text"] == "blue leather bag"
    assert 0 < form["transcript"]["confidence"] <= 1
    assert (form["kind"], form["hits"]) == ("voice", asked["hits"])
    files = {"audio": ("voice.wav", recording), "image": ("photo.png", picture("blue"))}
    assert client.post("/search", files=files).json()["kind"] == "voice+picture"
    assert client.post("/search", data={"text": "red"}).json()["transcript"] is None


@pytest.mark.parametrize(
    "recording", [b"no sound at all", sound_file(tone(440, 1))[:40], sound_file(noise(2))]
)
def test_a_voice_that_cannot_be_heard_is_the_callers_to_mend(client: TestClient, recording: bytes) -> None:
    reply = client.post("/search", files={"audio": ("voice.wav", recording)})
    assert reply.status_code == 400
    assert "the voice of the query" in reply.json()["error"]
    assert reply.json()["hint"]


def test_weights_of_a_form_are_json(client: TestClient) -> None:
    asked = {"text": "red", "weights": '{"vector": 0, "lexical": 1}'}
    reply = client.post("/search", data=asked)
    assert {hit["branches"]["vector"] for hit in reply.json()["hits"]} == {None}
    for wrong in ("vector", "[1]", '{"vector": "much"}'):
        assert client.post("/search", data={"text": "red", "weights": wrong}).status_code == 422
    assert client.post("/search", data={"text": "red", "weights": '{"voctor": 1}'}).status_code == 400


def test_what_the_words_say_is_told_and_undone_by_its_name(client: TestClient) -> None:
    asked = client.post("/search", json={"text": "runing shoes under 20"}).json()
    parts = [part for part in asked["understood"]["parts"] if part["effect"] != "prefer"]
    assert [part["name"] for part in parts] == ["price:under 20", "spelling:runing"]
    assert asked["understood"]["searched"] == "running shoes"
    assert all(hit["payload"]["price"] < 20 for hit in asked["hits"])

    names = json.dumps([part["name"] for part in parts])
    undone = client.post("/search", data={"text": "runing shoes under 20", "ignore": names}).json()
    typed = client.post("/search", data={"text": "runing shoes under 20", "as_typed": "true"}).json()
    assert undone["understood"]["searched"] == typed["understood"]["searched"] == "runing shoes under 20"


def test_a_part_that_there_is_not_is_refused_with_the_nearest(client: TestClient) -> None:
    reply = client.post("/search", json={"text": "red", "ignore": ["prise"]})
    assert reply.status_code == 400
    assert "did you mean 'price'" in reply.text


def test_filters_and_weights_are_obeyed(client: TestClient) -> None:
    form = client.post("/search", data={"text": "red", "filter": 'brand = "Aero" and price > 10'})
    assert form.json()["hits"]
    for hit in form.json()["hits"]:
        assert hit["payload"]["brand"] == "Aero"
        assert hit["payload"]["price"] > 10
    asked = client.post("/search", json={"text": "red", "weights": {"vector": 0}})
    assert {hit["branches"]["vector"] for hit in asked.json()["hits"]} == {None}


def test_an_empty_answer_says_why(client: TestClient) -> None:
    reply = client.post("/search", data={"text": "red", "filter": 'brand = "😀" and price < 0'}).json()
    assert (reply["hits"], reply["note"][:30]) == ([], "no product passes the filter b")
    halved = '{"text": "red", "filter": "brand = \'\\ud83d\'"}'
    reply = client.post("/search", content=halved, headers={"content-type": "application/json"}).json()
    assert reply["note"].startswith("no product passes the filter brand = '?': there is no '?': known: ")
    assert client.post("/search", json={"text": "red"}).json()["note"] is None


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ({}, 400, "empty"),
        ({"text": " "}, 400, "empty"),
        ({"text": "x", "filter": "prise < 5"}, 400, "did you mean 'price'"),
        ({"text": "x", "filter": 'lang = "en"'}, 400, "lang"),
        ({"image_base64": "not base64!"}, 400, "base64"),
        ({"image_base64": "bm8gcGljdHVyZQ=="}, 400, "not a picture"),
        ({"text": "x", "weights": {"vektor": 1}}, 400, "did you mean 'vector'"),
        ({"text": "x", "k": 0}, 422, "k: must be 1 or more"),
        ({"text": "x", "k": 1001}, 422, "k: must be 1000 or less"),
        ({"text": "x", "k": "many"}, 422, "k: must be a whole number"),
        ({"text": "x", "k": 2.5}, 422, "k: must be a whole number"),
        ({"text": 5}, 422, "text: must be a text"),
        ({"text": "x", "weights": 2}, 422, 'weights: must be an object, such as {"text": 2}'),
        ({"text": "x", "weights": {"text": "much"}}, 422, "weights.text: must be a number"),
        ({"tekst": "x"}, 422, "there is no field 'tekst': did you mean 'text'?"),
        ([1], 422, "body: must be a JSON object"),
    ],
)
def test_a_wrong_request_is_told_what_is_wrong(
    client: TestClient, body: object, status: int, message: str
) -> None:
    reply = client.post("/search", json=body)
    assert reply.status_code == status
    assert message in reply.json()["error"]
    assert reply.json()["hint"]


def test_bodies_of_another_form_are_refused(client: TestClient) -> None:
    for content, kind in ((b"{", "application/json"), (b"x", "text/plain"), (b"\xff", "application/json")):
        reply = client.post("/search", content=content, headers={"content-type": kind})
        assert (reply.status_code, set(reply.json())) == (422, {"error", "hint"})
    many = client.post("/search", data={"k": "many", "text": "x"})
    assert (many.status_code, many.json()["error"]) == (422, "k: must be a whole number")
    wrong = client.post("/search", data={"txt": "x"})
    assert (wrong.status_code, wrong.json()["error"][-26:]) == (422, "'txt': did you mean 'text'?"[-26:])
    assert client.post("/search", data={"image": "a path", "text": "x"}).status_code == 422
    broken = client.post("/search", content=b"x", headers={"content-type": "multipart/form-data"})
    assert (broken.status_code, set(broken.json())) == (400, {"error", "hint"})
    assert client.get("/nothing").json()["hint"]
    assert client.get("/search").status_code == 405


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ("[" * 50_000, 422, "nested too deep"),
        ('{"text": "x", "k": NaN}', 422, "k: "),
        ('{"text": "x", "weights": {"\\ud800": 1}}', 400, "\\ud800"),
        ('{"text": "x", "filter": "\\ud800 = 1"}', 400, "filter: "),
    ],
)
def test_json_that_python_reads_and_no_answer_can_repeat_is_refused(
    client: TestClient, body: str, status: int, message: str
) -> None:
    reply = client.post("/search", content=body, headers={"content-type": "application/json"})
    assert (reply.status_code, set(reply.json())) == (status, {"error", "hint"}), reply.text
    assert message in reply.json()["error"]


def test_weights_nested_too_deep_are_refused(client: TestClient) -> None:
    reply = client.post("/search", data={"text": "x", "weights": "[" * 50_000})
    assert (reply.status_code, "nested too deep" in reply.json()["error"]) == (422, True)


def test_pictures_above_the_limit_are_refused_however_they_come(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = b"x" * (upload_limit.MAX_UPLOAD_BYTES + 1)
    replies = [
        client.post("/search", files={"image": ("x.png", large)}),
        client.post("/search", json={"image_base64": base64.b64encode(large).decode()}),
        client.post("/search", files={"image": ("x.png", large * 2)}),
        client.post(
            "/search",
            content=(b"x" * 2**20 for _ in range(40)),
            headers={"content-type": "application/json"},
        ),
    ]
    for reply in replies:
        assert reply.status_code == 413
        assert "20 MB" in reply.json()["error"]
        assert reply.json()["hint"]


@pytest.mark.parametrize("path", ["/", "/health", "/release", "/media/p00001"])
def test_head_tells_what_get_would_without_its_body(client: TestClient, path: str) -> None:
    head, get = client.head(path), client.get(path)
    assert (head.status_code, head.content) == (200, b"")
    for name in ("content-type", "content-length"):
        assert head.headers[name] == get.headers[name]


def test_release_and_health_tell_what_answers(client: TestClient, pointer: Pointer) -> None:
    manifest = pointer.releases["r-one"].manifest
    assert client.get("/release").json() == manifest.model_dump(mode="json")
    assert client.get("/health").json() == {"status": "ok", "release_id": "r-one", "warning": None}


def test_without_a_release_everything_says_so(pointer: Pointer) -> None:
    pointer.current = None
    with TestClient(create_app(pointer.open, pointer.release_id, poll_seconds=0.02)) as client:
        time.sleep(0.1)
        for reply in (
            client.get("/health"),
            client.get("/release"),
            client.get("/media/p00000"),
            client.post("/search", json={"text": "red"}),
        ):
            assert reply.status_code == 503
            assert reply.json()["error"] == "there is no release yet"
            assert "mmsearch run" in reply.json()["hint"]
        assert client.get("/").status_code == 200
        pointer.current = "r-two"
        wait_for(client, "r-two")


def test_the_api_follows_the_pointer_there_and_back(client: TestClient, pointer: Pointer) -> None:
    pointer.current = "r-two"
    wait_for(client, "r-two")
    answer = client.post("/search", json={"text": "red", "k": 40}).json()
    assert (answer["release_id"], len(answer["hits"])) == ("r-two", 12)
    pointer.current = "r-one"
    wait_for(client, "r-one")
    assert len(client.post("/search", json={"text": "red", "k": 40}).json()["hits"]) == 40


def test_the_old_release_answers_when_the_new_one_cannot_be_opened(
    client: TestClient, pointer: Pointer
) -> None:
    pointer.broken = True
    pointer.current = "r-two"
    for _ in range(200):
        health = client.get("/health").json()
        if health["warning"]:
            break
        time.sleep(0.02)
    assert health["release_id"] == "r-one"
    assert "weights" in health["warning"]
    assert client.post("/search", json={"text": "red"}).json()["release_id"] == "r-one"
    pointer.broken = False
    wait_for(client, "r-two")
    assert client.get("/health").json()["warning"] is None


def test_a_picture_that_browsers_do_not_show_is_sent_as_jpeg(tmp_path: Path) -> None:
    shutil.copy(FIXTURES / "phone-photo.heic", tmp_path / "photo.HEIC")
    (tmp_path / "broken.heic").write_bytes(b"no picture")

    sent = first_image({"image_uris": ["photo.HEIC"]}, tmp_path)

    assert sent.media_type == "image/jpeg"
    assert open_image(bytes(sent.body)).size == (64, 64)
    with pytest.raises(HTTPException, match="cannot be read"):
        first_image({"image_uris": ["broken.heic"]}, tmp_path)


def test_a_file_in_the_wrong_field_is_told_the_right_one(client: TestClient) -> None:
    photo, voice = picture("red"), sound_file(tone(300, 1.0))
    replies = [client.post("/search", files={"audio": photo}), client.post("/search", files={"image": voice})]

    assert [reply.status_code for reply in replies] == [400, 400]
    assert "in a query send it as image" in replies[0].json()["error"]


def test_a_page_of_another_site_may_ask_where_that_is_allowed(pointer: Pointer) -> None:
    shop, other = ({"Origin": f"https://{name}.example"} for name in ("shop", "other"))
    preflight = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
    app = create_app(pointer.open, pointer.release_id, poll_seconds=0.02, origins=["https://shop.example"])
    with TestClient(app) as client:
        wait_for(client, "r-one")
        allowed = client.options("/search", headers={**shop, **preflight})
        assert (allowed.status_code, allowed.headers["access-control-allow-origin"]) == (200, shop["Origin"])
        answer = client.post("/search", json={"text": "red"}, headers=shop)
        assert answer.headers["access-control-allow-origin"] == shop["Origin"]
        refused = client.options("/search", headers={**other, **preflight})
        assert "access-control-allow-origin" not in refused.headers


def test_by_default_no_page_of_another_site_may_ask(client: TestClient) -> None:
    reply = client.post("/search", json={"text": "red"}, headers={"Origin": "https://shop.example"})
    assert "access-control-allow-origin" not in reply.headers


@pytest.mark.parametrize("where", [None, "price < 50"])
def test_an_index_that_somebody_removed_is_503_with_the_reason(tmp_path: Path, where: str | None) -> None:
    release = make_release(tmp_path, name="r-one")
    pointer = Pointer({"r-one": release}, "r-one")
    with TestClient(create_app(pointer.open, pointer.release_id, poll_seconds=0.02)) as client:
        wait_for(client, "r-one")
        shutil.rmtree(release.index_uri)
        reply = client.post("/search", json={"text": "red", "filter": where})
    assert reply.status_code == 503
    assert "its files are gone or damaged" in reply.json()["error"]


def test_what_nobody_expected_is_json_too(pointer: Pointer, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*given: object, **named: object) -> None:
        raise ZeroDivisionError("secret")

    app = create_app(pointer.open, pointer.release_id, poll_seconds=0.02)
    with TestClient(app, raise_server_exceptions=False) as client:
        wait_for(client, "r-one")
        monkeypatch.setattr(Engine, "search_batch", broken)
        reply = client.post("/search", json={"text": "red"})
    assert (reply.status_code, reply.json()["error"]) == (500, "unexpected ZeroDivisionError")
    assert "secret" not in reply.text


def test_health_says_what_is_wrong_with_a_release_that_answers(pointer: Pointer) -> None:
    app = create_app(pointer.open, pointer.release_id, poll_seconds=0.02, warning=lambda: "moved by hand")
    with TestClient(app) as client:
        wait_for(client, "r-one")
        assert client.get("/health").json()["warning"] == "moved by hand"


def test_pictures_come_from_the_media_folder_only(client: TestClient, pointer: Pointer) -> None:
    media = pointer.releases["r-one"].media_root
    reply = client.get("/media/p00001")
    assert reply.status_code == 200
    assert reply.content == (media / "images/1.jpg").read_bytes()
    assert reply.headers["x-content-type-options"] == "nosniff"
    for path in ("nothing", "../images/1.jpg", "%2e%2e/%2e%2e/etc/passwd", "p00001/x", "%00"):
        assert client.get(f"/media/{path}").status_code == 404


@pytest.mark.parametrize("name", ["images/1.svg", "outside.jpg", "folder.jpg", "gone.jpg"])
def test_links_scripts_and_missing_files_are_not_served(
    client: TestClient, pointer: Pointer, tmp_path: Path, name: str
) -> None:
    # Every way a picture uri could lead elsewhere, put in the place of product 2's picture.
    place = pointer.releases["r-one"].media_root / "images/2.jpg"
    kept = place.read_bytes()
    place.unlink()
    try:
        if name == "outside.jpg":
            secret = tmp_path / "secret.jpg"
            secret.write_bytes(kept)
            place.symlink_to(secret)
        elif name == "images/1.svg":
            script = place.with_name("1.svg")
            script.write_text("<svg/>")
            place.symlink_to(script)
        elif name == "folder.jpg":
            place.mkdir()
        assert client.get("/media/p00002").status_code == 404
    finally:
        place.rmdir() if place.is_dir() else place.unlink(missing_ok=True)
        place.write_bytes(kept)


def test_the_page_needs_nothing_from_elsewhere(client: TestClient) -> None:
    page = client.get("/")
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "http:" not in page.text
    assert "https:" not in page.text
    assert 'src="' not in page.text
    assert "innerHTML" not in page.text


def test_the_page_shows_why_nothing_is_found(client: TestClient) -> None:
    assert "say(answer.note ||" in client.get("/").text


def test_the_documentation_describes_both_forms_of_a_search(client: TestClient) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    assert set(paths) == {"/search", "/release", "/health", "/media/{product_id}"}
    content = paths["/search"]["post"]["requestBody"]["content"]
    assert set(content) == {"multipart/form-data", "application/json"}
    assert client.get("/docs").status_code == 200
