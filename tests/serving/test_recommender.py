from datetime import timedelta
from pathlib import Path
from typing import Literal

import polars as pl
import pytest

from mmsearch_dagster.adapters.lake.people import BLOCKS, PEOPLE, RANKER_VECTOR, PeopleFiles
from mmsearch_dagster.core.catalog.schemas import EVENTS
from mmsearch_dagster.core.errors import QueryError, ReleaseMismatchError
from mmsearch_dagster.core.modalities import IMAGE, TEXT
from mmsearch_dagster.core.personalisation.list_orders import TASTE, scores_of
from mmsearch_dagster.core.retrieval.business_rules import BusinessRules, Pin
from mmsearch_dagster.core.retrieval.query import Query
from mmsearch_dagster.serving.engine import Engine
from mmsearch_dagster.serving.recommender import HIDDEN_NOTE, POPULAR_NOTE, Recommender
from tests.small_people import START, SmallPeople, fan, log, make_people
from tests.small_release import HashedWords, MeanColour, SmallRelease, make_release, picture

pytestmark = pytest.mark.slow

OWNED = ("p00000", "p00005")


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> SmallRelease:
    return make_release(tmp_path_factory.mktemp("release"), products=60)


@pytest.fixture(scope="module")
def engine(release: SmallRelease) -> Engine:
    encoders = {TEXT: HashedWords(), IMAGE: MeanColour()}
    return Engine.open(release.manifest, release.index_uri, release.model_dir, encoders)


@pytest.fixture(scope="module")
def people(release: SmallRelease, tmp_path_factory: pytest.TempPathFactory) -> SmallPeople:
    return make_people(tmp_path_factory.mktemp("people") / "people", release)


@pytest.fixture(scope="module")
def recommender(people: SmallPeople, engine: Engine) -> Recommender:
    return people.recommender(engine)


def colours(payloads: list[str]) -> list[str]:
    return [title.split()[0] for title in payloads]


def test_each_fan_is_shown_what_fans_like(recommender: Recommender) -> None:
    for number, colour in ((0, "red"), (1, "blue")):
        found = recommender.recommend(fan(number), k=6)
        assert found.order != "popular"
        assert colours([hit.payload["title"] for hit in found.hits]).count(colour) >= 4
        assert [hit.rank for hit in found.hits] == [1, 2, 3, 4, 5, 6]
        assert "above zero" in found.note


def test_somebody_unknown_gets_popular_products_and_is_told(recommender: Recommender) -> None:
    found = recommender.recommend("nobody", k=3)
    assert (found.order, found.note, len(found.hits)) == ("popular", POPULAR_NOTE, 3)


@pytest.fixture(scope="module")
def without_pages(release: SmallRelease, tmp_path_factory: pytest.TempPathFactory) -> SmallPeople:
    """A log without result pages: people are known, there is no ranker."""
    events = log(60).filter(pl.col("action") != "impression")
    return make_people(tmp_path_factory.mktemp("people") / "people", release, events=events)


def test_lists_by_taste_are_served_by_the_scores_they_were_measured_by(
    without_pages: SmallPeople, engine: Engine, tmp_path: Path
) -> None:
    known, items = without_pages.found.state, without_pages.items
    assert (without_pages.found.ranker, len(items.blocks)) == (None, 2)
    assert known is not None
    served = without_pages.deciding(tmp_path / "p", lists=TASTE).recommender(engine).recommend(fan(0), k=20)
    measured = scores_of(known, items, known.ids.index(fan(0)))[TASTE]
    wanted = [measured[items.ids.index(hit.product_id)] for hit in served.hits]
    assert [hit.score for hit in served.hits] == pytest.approx(wanted)


def test_a_release_made_before_blocks_were_kept_still_opens(
    without_pages: SmallPeople, engine: Engine, tmp_path: Path
) -> None:
    older = without_pages.deciding(tmp_path / "p", lists=TASTE, blocks=None)
    assert BLOCKS not in PeopleFiles.open(older.folder, older.sha256).facts
    assert len(older.recommender(engine).recommend(fan(0), k=5).hits) == 5


def test_somebody_without_any_signal_gets_popular_products_and_is_told(
    without_pages: SmallPeople, engine: Engine, tmp_path: Path
) -> None:
    folder = without_pages.deciding(tmp_path / "p", lists=TASTE).folder
    people = pl.read_parquet(folder / PEOPLE)
    silent = pl.when(pl.col("user_id") != fan(0)).then(pl.col(RANKER_VECTOR)).alias(RANKER_VECTOR)
    people.with_columns(silent).write_parquet(folder / PEOPLE)
    recommender = Recommender(engine, PeopleFiles(folder))
    found = recommender.recommend(fan(0), k=5)
    assert (found.order, found.note) == ("popular", POPULAR_NOTE)
    assert found.hits == recommender.recommend("nobody", k=5).hits
    assert recommender.recommend(fan(1), k=5).order == TASTE


def test_out_of_stock_comes_last_and_pins_hold(release: SmallRelease, engine: Engine, tmp_path: Path) -> None:
    rules = BusinessRules(pin=(Pin(product="p00007", place=2),))
    found = make_people(tmp_path / "p", release, rules=rules).recommender(engine).recommend(fan(0), k=60)
    assert found.hits[1].product_id == "p00007"
    assert found.hits[1].rules == ("pinned to 2",)
    stock = [hit.payload["in_stock"] for hit in found.hits if hit.product_id != "p00007"]
    assert stock == sorted(stock, reverse=True)


@pytest.fixture(scope="module")
def owner(release: SmallRelease, tmp_path_factory: pytest.TempPathFactory) -> SmallPeople:
    """The first fan has bought two of what they like."""
    bought = [
        {"event_id": f"b{n}", "user_id": fan(0), "product_id": product, "action": "purchase",
         "timestamp": START + timedelta(hours=n)}
        for n, product in enumerate(OWNED)
    ]  # fmt: skip
    events = pl.concat([log(60), pl.DataFrame(bought, schema=EVENTS)])
    return make_people(tmp_path_factory.mktemp("people") / "people", release, events=events)


@pytest.mark.parametrize("wish", ["keep", "last", "hide"])
def test_what_a_person_bought_goes_where_the_policy_says(
    owner: SmallPeople, engine: Engine, tmp_path: Path, wish: Literal["keep", "last", "hide"]
) -> None:
    rules = BusinessRules(already_bought=wish, out_of_stock="keep")
    found = owner.ruling(tmp_path / "p", rules).recommender(engine).recommend(fan(0), k=60)
    told = [hit.product_id for hit in found.hits]
    places = sorted(told.index(product) for product in OWNED if product in told)
    if wish == "keep":
        assert places[0] < 30
    else:
        assert places == ([58, 59] if wish == "last" else [])
    assert all(("already bought" in hit.rules) == (hit.product_id in OWNED and wish == "last")
               for hit in found.hits)  # fmt: skip


def test_what_one_person_bought_is_offered_to_others(owner: SmallPeople, engine: Engine) -> None:
    found = owner.recommender(engine).recommend(fan(2), k=60)
    assert not any("already bought" in hit.rules for hit in found.hits)


def test_a_session_leads_the_list_of_somebody_unknown(recommender: Recommender) -> None:
    for product, colour in (("p00000", "red"), ("p00001", "blue")):
        found = recommender.recommend(session=[product, product], k=5)
        assert product not in [hit.product_id for hit in found.hits]
        assert colours([hit.payload["title"] for hit in found.hits]).count(colour) >= 4
        assert found.order == "session"
        assert "led by what was just looked at (products: 1" in found.note
        assert recommender.recommend("nobody", session=[product], k=5) == found


def test_a_session_turns_the_list_of_somebody_known(recommender: Recommender) -> None:
    usual = recommender.recommend(fan(0), k=10)
    now = recommender.recommend(fan(0), session=["p00001", "p00006"], k=10)
    assert now.order == f"session + {usual.order}"
    assert "own history" in now.note
    blue = [colours([hit.payload["title"] for hit in one.hits]).count("blue") for one in (usual, now)]
    assert blue[0] < blue[1]


def test_a_session_of_nothing_and_nobody_or_of_unknown_products_is_refused(recommender: Recommender) -> None:
    with pytest.raises(QueryError, match="name a user, products"):
        recommender.recommend()
    with pytest.raises(QueryError, match=r"no product 'p0000': did you mean 'p000"):
        recommender.recommend(fan(0), session=["p00001", "p0000"])


def test_products_like_one_follow_the_shops_rules(
    people: SmallPeople, engine: Engine, tmp_path: Path
) -> None:
    rules = BusinessRules(pin=(Pin(product="p00007", place=2),), out_of_stock="hide")
    found = people.ruling(tmp_path / "p", rules).recommender(engine).similar("p00000", k=59)
    assert (found.hits[1].product_id, found.hits[1].rules) == ("p00007", ("pinned to 2",))
    assert all(hit.payload["in_stock"] is not False for hit in found.hits)


def test_products_like_one_differ_from_each_other_as_the_shop_wants(
    people: SmallPeople, engine: Engine, tmp_path: Path
) -> None:
    lists = [
        people.ruling(tmp_path / str(trade), BusinessRules(diversity=trade)).recommender(engine)
        .similar("p00000", k=10)
        for trade in (0.0, 0.9)
    ]  # fmt: skip
    alike, different = (len(set(colours([h.payload["title"] for h in one.hits]))) for one in lists)
    assert alike < different


def test_a_search_for_a_person_follows_the_shops_rules_and_a_plain_one_does_not(
    people: SmallPeople, engine: Engine, tmp_path: Path
) -> None:
    query = Query(text="wool scarf")
    plain = engine.search(query, k=20).hits
    last = plain[-1].product_id
    rules = BusinessRules(pin=(Pin(product=last, place=1),))
    ruled = people.ruling(tmp_path / "p", rules).recommender(engine)
    found, _ = ruled.search(query, fan(0), k=20)
    assert (found.hits[0].product_id, found.hits[0].rules) == (last, ("pinned to 1",))
    assert [hit.rank for hit in found.hits] == list(range(1, 21))
    stock = [hit.payload["in_stock"] for hit in found.hits[1:]]
    assert stock == sorted(stock, reverse=True)
    assert ruled.search(query, "nobody", k=20)[0].hits == plain


def test_similar_products_are_neighbours_of_the_fused_vector(recommender: Recommender) -> None:
    found = recommender.similar("p00000", k=5)
    assert "p00000" not in [hit.product_id for hit in found.hits]
    assert all(hit.payload["in_stock"] for hit in found.hits)
    assert [hit.score for hit in found.hits] == sorted((hit.score for hit in found.hits), reverse=True)
    with pytest.raises(QueryError, match=r"no product 'p0000': did you mean 'p000"):
        recommender.similar("p0000")


def test_a_search_is_ordered_for_who_is_known(recommender: Recommender) -> None:
    query = Query(text="wool scarf")
    everybody = recommender.engine.search(query, k=20)
    unknown, note = recommender.search(query, "nobody", k=20)
    assert unknown.hits == everybody.hits
    assert "not known" in note
    red, note = recommender.search(query, fan(0), k=20)
    assert note == "ordered for this person"
    blue, _ = recommender.search(query, fan(1), k=20)
    assert [hit.product_id for hit in red.hits] != [hit.product_id for hit in blue.hits]
    assert [hit.rank for hit in red.hits] == list(range(1, 21))


def test_an_explanation_adds_up(recommender: Recommender) -> None:
    query = Query(text="red running shoes model 0", image=picture("red"))
    told = recommender.explain(query, "p00000", fan(0))
    assert told["rank"] == 1
    assert sum(one["share"] for one in told["branches"]) == pytest.approx(told["score"])
    assert {one["modality"] for one in told["modalities"]} == {"text", "image"}
    assert all(one["fused_without_it"] is not None for one in told["modalities"])
    names = [one["feature"] for one in told["features"]]
    assert {"taste image", "order before"} <= set(names)
    assert told["note"] == ""
    nobody = recommender.explain(query, "p00000", "nobody")
    assert (nobody["features"], "not known" in nobody["note"]) == ([], True)
    with pytest.raises(QueryError, match="no product"):
        recommender.explain(query, "gone")


def test_what_is_explained_to_a_person_adds_up_to_the_score_that_they_are_shown(
    recommender: Recommender,
) -> None:
    query = Query(text="wool scarf")
    shown, _ = recommender.search(query, fan(0), k=5)
    for hit in shown.hits:
        parts = recommender.explain(query, hit.product_id, fan(0))["features"]
        assert sum(part["contribution"] for part in parts) == pytest.approx(hit.score, abs=1e-3)


def test_an_explanation_says_when_the_ranker_orders_nothing(
    people: SmallPeople, engine: Engine, tmp_path: Path
) -> None:
    told = ["ranker not promoted, the unpersonalised order stays: too few pages"]
    unproven = people.deciding(
        tmp_path / "p", **{"ranker promoted": False, "ranker_sentences": told}
    ).recommender(engine)
    query = Query(text="red wool scarf")
    found = unproven.explain(query, "p00000", fan(0))
    assert found["features"]
    assert found["note"].startswith(unproven.search(query, fan(0), k=3)[1])
    assert "they order nothing here" in found["note"]
    assert unproven.explain(query, "p00000")["note"] == ""


def test_a_release_of_0_1_0_keeps_all_its_sentences_in_one_fact(
    people: SmallPeople, engine: Engine, tmp_path: Path
) -> None:
    ranker, lists = "ranker not promoted: too few pages", "lists by taste: nDCG@10 +0.1"
    facts = {"ranker_sentences": None, "list_sentences": None, "sentences": [ranker, lists]}
    former = people.deciding(tmp_path / "p", **facts, **{"ranker promoted": False, "lists": TASTE})
    recommender = former.recommender(engine)
    assert recommender.search(Query(text="red wool scarf"), fan(0), k=3)[1] == ranker
    assert recommender.recommend(fan(0), k=3).note == lists


def test_a_campaign_finds_its_fans(recommender: Recommender) -> None:
    told = recommender.campaign(Query(image=picture("blue")), k=10, products=8)
    found = [one["user_id"] for one in told["people"]]
    assert sum(int(user[-2:]) % 2 for user in found) >= 8
    chances = [one["expected_response"] for one in told["people"]]
    assert chances == sorted(chances, reverse=True)
    assert all(0 < chance < 1 for chance in chances)
    assert told["note"].startswith("expected response: chance of a click per product of a page")
    with pytest.raises(QueryError, match="empty"):
        recommender.campaign(Query())


def test_churn_and_reviews(recommender: Recommender) -> None:
    rows = recommender.churn(k=5)
    chances = [row["churn"] for row in rows]
    assert len(rows) == 5
    assert chances == sorted(chances, reverse=True)
    told = recommender.reviews("p00000", k=1)
    assert told["reviews"] == 2
    assert told["most_useful"][0]["review_id"] == "r2"
    assert "user_id" not in told["most_useful"][0]
    assert told["smoothed_rating"] == pytest.approx((5 * 3.5 + 7) / 7)
    assert recommender.reviews("p00001")["smoothed_rating"] is None


def test_reviews_of_a_product_are_found_without_a_look_at_those_of_others(
    recommender: Recommender, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = recommender.reviews("p00000", k=5)

    def scan(*_: object, **__: object) -> None:
        raise AssertionError("a table was scanned")

    for name in ("filter", "sort", "iter_rows", "group_by"):
        monkeypatch.setattr(pl.DataFrame, name, scan)
    assert recommender.reviews("p00000", k=5) == expected
    assert [review["review_id"] for review in expected["most_useful"]] == ["r2", "r1"]
    assert recommender.reviews("p00001", k=5)["most_useful"] == []


def test_a_release_without_a_log_still_answers(release: SmallRelease, engine: Engine, tmp_path: Path) -> None:
    none = make_people(tmp_path / "p", release, events=log(60, pages=0)).recommender(engine)
    assert none.recommend(fan(0)).order == "popular"
    assert none.churn() == []
    assert none.campaign(Query(text="red"))["people"] == []
    assert len(none.search(Query(text="red"), fan(0), k=3)[0].hits) == 3


def test_a_list_that_the_shops_rules_hide_or_a_campaign_that_finds_nothing_says_so(
    people: SmallPeople, engine: Engine, tmp_path: Path
) -> None:
    rules = BusinessRules(out_of_stock="hide")
    strict = people.ruling(tmp_path / "p", rules).recommender(engine)
    found, _ = strict.search(Query(text="red"), fan(0), k=3, where="not in_stock")
    assert (found.hits, found.note) == ((), HIDDEN_NOTE)
    unknown = Query(text="kite", weights={"vector": 0.0})
    assert "nothing is found for 'kite'" in (strict.search(unknown, fan(0), k=3)[0].note or "")
    assert "nothing is found for 'kite'" in strict.campaign(unknown)["note"]


@pytest.mark.parametrize("k", [0, 1001, True])
def test_k_must_be_sensible(recommender: Recommender, k: int) -> None:
    with pytest.raises(QueryError, match="from 1 to 1000"):
        recommender.recommend(fan(0), k=k)


def test_files_of_another_release_are_refused(people: SmallPeople) -> None:
    with pytest.raises(ReleaseMismatchError, match="the release was made with 0000"):
        PeopleFiles.open(people.folder, "0" * 64)


def test_a_product_that_is_asked_for_by_its_number_leads_for_a_known_person_too(
    recommender: Recommender,
) -> None:
    for product in ("p00001", "p00032"):
        answer, _ = recommender.search(Query(text=product), fan(0), k=5)
        assert answer.hits[0].product_id == product
        assert [hit.rank for hit in answer.hits] == [1, 2, 3, 4, 5]


def test_an_explanation_says_what_the_words_were_read_to_say(recommender: Recommender) -> None:
    explained = recommender.explain(Query(text="runing shoes"), "p00000")
    assert explained["understood"]["searched"] == "running shoes"
