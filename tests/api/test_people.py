from base64 import b64encode
from collections.abc import Iterator
from typing import Any, NoReturn

import pytest
from fastapi.testclient import TestClient

from mmsearch_dagster.adapters.speech.espeak import speak
from mmsearch_dagster.api import schemas
from mmsearch_dagster.api.app import create_app
from mmsearch_dagster.api.people import PeopleAccess
from mmsearch_dagster.core.catalog.pseudonyms import pseudonym
from mmsearch_dagster.core.modalities import IMAGE, TEXT
from mmsearch_dagster.serving.engine import Engine
from tests.api.test_app import wait_for
from tests.media import sound_file
from tests.small_people import fan, make_people
from tests.small_release import HashedWords, MeanColour, SmallRelease, make_release, picture


def hide(raw: str) -> str:
    return raw.removeprefix("raw-") if raw.startswith("raw-") else pseudonym(raw, b"k" * 32)


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> SmallRelease:
    return make_release(tmp_path_factory.mktemp("release"), products=60)


def engine_of(release: SmallRelease) -> Engine:
    encoders = {TEXT: HashedWords(), IMAGE: MeanColour()}
    return Engine.open(release.manifest, release.index_uri, release.model_dir, encoders)


@pytest.fixture(scope="module")
def client(release: SmallRelease, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    known = make_people(tmp_path_factory.mktemp("people") / "people", release)
    door = PeopleAccess(known.recommender, hide)
    app = create_app(
        lambda: engine_of(release), lambda: "r-one", release.media_root, poll_seconds=0.02, people=door
    )
    with TestClient(app) as client:
        wait_for(client, "r-one")
        yield client


def test_lists_for_people_by_their_raw_ids(client: TestClient) -> None:
    told = client.post("/recommend", json={"user": f"raw-{fan(0)}", "k": 4}).json()
    assert told["order"] != "popular"
    assert len(told["hits"]) == 4
    unknown = client.post("/recommend", json={"user": "raw-nobody"}).json()
    assert (unknown["order"], len(unknown["hits"])) == ("popular", 10)
    assert "not known" in unknown["note"]


def test_lists_for_a_session_with_and_without_a_person(client: TestClient) -> None:
    told = client.post("/recommend", json={"session": ["p00001"], "k": 4}).json()
    assert (told["order"], len(told["hits"])) == ("session", 4)
    assert "just looked at" in told["note"]
    both = client.post("/recommend", json={"session": ["p00001"], "user": f"raw-{fan(0)}"}).json()
    assert both["order"].startswith("session + ")


def test_likeness_reviews_and_churn(client: TestClient) -> None:
    assert len(client.get("/similar/p00001", params={"k": 3}).json()["hits"]) == 3
    assert client.get("/reviews/p00000").json()["reviews"] == 2
    assert len(client.get("/churn", params={"k": 2}).json()) == 2


def test_explanations_and_campaigns(client: TestClient) -> None:
    body = {"text": "red running shoes model 0", "product_id": "p00000", "user": f"raw-{fan(0)}"}
    assert client.post("/explain", json=body).json()["features"]
    blue = b64encode(picture("blue")).decode()
    told = client.post("/campaign", json={"text": "blue", "image_base64": blue, "k": 5}).json()
    assert len(told["people"]) == 5


def answers_of_every_path(client: TestClient) -> dict[str, Any]:
    """An answer as rich as the shop gives it, by the path of its route."""
    red, user = b64encode(picture("red")).decode(), f"raw-{fan(0)}"
    query = {"text": "red running shoes", "image_base64": red}
    asked = {
        "/search": client.post("/search", json=query),
        "/release": client.get("/release"),
        "/health": client.get("/health"),
        "/recommend": client.post("/recommend", json={"user": user}),
        "/similar/{product_id}": client.get("/similar/p00001"),
        "/explain": client.post("/explain", json={**query, "product_id": "p00000", "user": user}),
        "/campaign": client.post("/campaign", json=query),
        "/churn": client.get("/churn"),
        "/reviews/{product_id}": client.get("/reviews/p00000"),
    }
    assert {reply.status_code for reply in asked.values()} == {200}
    return {path: reply.json() for path, reply in asked.items()}


def keys_of(answer: Any) -> Iterator[str]:
    """Names of fields, wherever they are."""
    for value in answer.values() if isinstance(answer, dict) else answer if isinstance(answer, list) else ():
        yield from keys_of(value)
    yield from answer if isinstance(answer, dict) else ()


def test_every_json_route_has_a_schema_of_its_answer(client: TestClient) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    paths.pop("/media/{product_id}")  # a picture
    schemas = {
        path: answer["content"]["application/json"]["schema"]
        for path, methods in paths.items()
        for method in methods.values()
        for status, answer in method["responses"].items()
        if status == "200"
    }
    assert schemas.keys() == paths.keys() == answers_of_every_path(client).keys()
    assert all("$ref" in schema.get("items", schema) for schema in schemas.values()), schemas


def test_no_field_of_an_answer_has_a_blank_in_its_name(client: TestClient) -> None:
    for path, answer in answers_of_every_path(client).items():
        assert [key for key in keys_of(answer) if " " in key] == [], path


def test_a_search_is_ordered_for_its_user_as_json_and_as_a_form(client: TestClient) -> None:
    body = {"text": "wool scarf", "k": 20}
    plain = client.post("/search", json=body).json()
    assert plain["order"] is None
    mine = client.post("/search", json={**body, "user": f"raw-{fan(0)}"}).json()
    assert mine["order"] == "ordered for this person"
    assert mine["hits"] != plain["hits"]
    assert client.post("/search", data={**body, "user": f"raw-{fan(0)}"}).json()["hits"] == mine["hits"]
    unknown = client.post("/search", json={**body, "user": "raw-nobody"}).json()
    assert (unknown["hits"], "not known" in unknown["order"]) == (plain["hits"], True)


def test_a_search_for_a_user_needs_a_server_that_knows_people(release: SmallRelease) -> None:
    app = create_app(lambda: engine_of(release), lambda: "r-one", poll_seconds=0.02)
    with TestClient(app) as alone:
        wait_for(alone, "r-one")
        reply = alone.post("/search", json={"text": "red", "user": "secret"})
    assert (reply.status_code, "secret" in reply.text) == (422, False)
    assert "user: this server answers nothing about people" in reply.json()["error"]


def test_a_mixed_and_a_spoken_query_are_explained(client: TestClient) -> None:
    red = b64encode(picture("red")).decode()
    mixed = client.post("/explain", json={"text": "red", "image_base64": red, "product_id": "p00000"}).json()
    assert (mixed["kind"], mixed["transcript"]) == ("words+picture", None)
    assert {one["modality"] for one in mixed["modalities"]} == {"text", "image"}
    voice = b64encode(sound_file(speak("red running shoes"))).decode()
    heard = client.post("/explain", json={"audio_base64": voice, "product_id": "p00000"}).json()
    assert (heard["kind"], bool(heard["transcript"]["text"])) == ("voice", True)
    heavy = {"text": "red", "weights": {"vector": 0, "lexical": 1}, "product_id": "p00000"}
    assert [one["branch"] for one in client.post("/explain", json=heavy).json()["branches"]][1:] == [
        "lexical"
    ]


def test_an_explanation_weighs_the_modalities_as_a_search_does(client: TestClient) -> None:
    green = b64encode(picture("green")).decode()
    body = {"text": "red scarf", "image_base64": green, "product_id": "p00000"}

    def fused(**fields: object) -> float:
        return client.post("/explain", json={**body, **fields}).json()["modalities"][0]["fused_cosine"]

    alone = fused(text=None)
    assert fused(weights={"text": 0}) == alone
    assert fused(weights={"image": 1e6}) == pytest.approx(alone, abs=1e-3)
    assert fused() != pytest.approx(alone, abs=1e-2)


def test_a_campaign_takes_the_pictures_that_a_search_takes(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"data:image/png;base64,{b64encode(picture('blue')).decode()}"
    assert client.post("/campaign", json={"image_base64": url}).status_code == 200
    monkeypatch.setattr(schemas, "MAX_UPLOAD_BYTES", 10)
    for path in ("/campaign", "/search"):
        assert client.post(path, json={"image_base64": url}).status_code == 413


@pytest.mark.parametrize(
    ("path", "body", "status", "message"),
    [
        ("/recommend", {"user": "u", "k": 0}, 422, "k"),
        ("/recommend", {}, 422, "give a user, products just looked at as session"),
        ("/recommend", {"session": ["p0000"]}, 400, "no product 'p0000': did you mean"),
        ("/recommend", {"session": "p00001"}, 422, "session"),
        ("/campaign", {"image_base64": "?"}, 400, "not base64"),
        ("/campaign", {}, 400, "empty"),
        ("/explain", {"text": "red", "product_id": "p0000"}, 400, "did you mean"),
        ("/explain", {"product_id": "p00000"}, 400, "empty"),
        ("/explain", {"image_base64": "?", "product_id": "p00000"}, 400, "image_base64 is not base64"),
    ],
)
def test_mistakes_are_named(
    client: TestClient, path: str, body: dict[str, object], status: int, message: str
) -> None:
    reply = client.post(path, json=body)
    assert (reply.status_code, message in reply.text) == (status, True), reply.text


@pytest.mark.parametrize(
    ("path", "body", "status", "message"),
    [
        ("/recommend", '{"user": "secret", "k": NaN}', 422, "k: "),
        ("/recommend", '{"user": NaN}', 422, "user: "),
        ("/recommend", '{"user": ["secret"]}', 422, "user: "),
        ("/recommend", '{"user": "secret"', 422, "not JSON"),
        ("/recommend", '"secret"', 422, "body: "),
        ("/recommend", "[" * 50_000, 400, "parsing"),
        ("/recommend", '{"user": "secret\\ud800"}', 400, "not Unicode"),
        ("/explain", '{"text": "x", "product_id": NaN, "user": "secret"}', 422, "product_id: "),
        ("/explain", '{"text": "x", "product_id": "\\ud800"}', 400, "\\ud800"),
        ("/explain", '{"text": "x", "\\ud800": 1}', 422, "no field '\\ud800'"),
        ("/campaign", '{"text": "x", "k": NaN}', 422, "k: "),
    ],
)
def test_a_wrong_body_is_refused_in_our_form_and_never_quoted(
    client: TestClient, path: str, body: str, status: int, message: str
) -> None:
    reply = client.post(path, content=body, headers={"content-type": "application/json"})
    assert (reply.status_code, set(reply.json())) == (status, {"error", "hint"}), reply.text
    assert message in reply.json()["error"]
    assert "secret" not in reply.text


def test_a_wrong_parameter_of_an_address_is_named(client: TestClient) -> None:
    reply = client.get("/churn", params={"k": "many"})
    assert (reply.status_code, set(reply.json())) == (422, {"error", "hint"})
    assert reply.json()["error"].startswith("k: ")


def test_an_unknown_product_is_the_callers_mistake(client: TestClient) -> None:
    reply = client.get("/similar/nothing")
    assert reply.status_code == 400
    assert "no product 'nothing'" in reply.json()["error"]


def test_without_a_release_no_id_is_hidden_since_that_would_make_a_key() -> None:
    def unused(_: object) -> NoReturn:
        raise AssertionError("there is no release")

    app = create_app(unused, lambda: None, people=PeopleAccess(unused, unused))
    with TestClient(app) as client:
        for path, more in (("/recommend", {}), ("/explain", {"text": "red", "product_id": "p00000"})):
            assert client.post(path, json={"user": "somebody", **more}).status_code == 503
