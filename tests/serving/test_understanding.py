"""The engine reads words in its catalogue's terms: numbers lead, bounds filter, what fits nothing is said."""

from dataclasses import replace

import pytest

from mmsearch_dagster.core.modalities import IMAGE, TEXT
from mmsearch_dagster.core.retrieval.query import Answer, Query
from mmsearch_dagster.serving.engine import Engine
from tests.nonsense import nonsense
from tests.small_release import HashedWords, MeanColour, make_release, picture


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    release = make_release(tmp_path_factory.mktemp("understanding"), products=60, text_column=True)
    encoders = {TEXT: HashedWords(), IMAGE: MeanColour()}
    return Engine.open(release.manifest, release.index_uri, release.model_dir, encoders)


def answer(engine: Engine, text: str, *, k: int = 5, where: str | None = None) -> Answer:
    return engine.search(Query(text=text), k=k, where=where)


def test_every_exact_number_finds_its_product_first(engine: Engine) -> None:
    for product in sorted(engine.table.product_ids):
        assert answer(engine, product.upper()).hits[0].product_id == product


def test_a_named_product_that_fails_the_filter_stays_out(engine: Engine) -> None:
    hits = answer(engine, "p00007", where="price > 50").hits

    assert "p00007" not in [hit.product_id for hit in hits]


def test_ranks_and_scores_descend_behind_a_named_product(engine: Engine) -> None:
    hits = answer(engine, "p00007").hits

    assert [hit.rank for hit in hits] == [1, 2, 3, 4, 5]
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


def test_a_misspelt_query_is_answered_as_the_right_one(engine: Engine) -> None:
    wrong, right = (answer(engine, text) for text in ("runing shoes", "running shoes"))

    assert [hit.product_id for hit in wrong.hits] == [hit.product_id for hit in right.hits]
    assert wrong.understood is not None
    assert wrong.understood.text == "running shoes"


def test_a_correction_is_undone_on_demand(engine: Engine) -> None:
    typed = Query(text="runing shoes")
    for query in (replace(typed, as_typed=True), replace(typed, ignore=("spelling",))):
        understood = engine.search(query, k=5).understood
        assert understood is not None
        assert understood.text == "runing shoes"


def test_a_bound_of_the_words_filters_together_with_the_request(engine: Engine) -> None:
    hits = answer(engine, "wool scarf under 40", k=20, where="price > 10").hits

    assert hits
    assert all(10 < hit.payload["price"] < 40 for hit in hits)


def test_queries_of_one_batch_keep_their_own_bounds(engine: Engine) -> None:
    queries = [Query(text=f"desk lamp under {price}") for price in (20, 40)] + [Query(text="desk lamp")]
    cheap, middle, every = engine.search_batch(queries, k=60)

    assert max(hit.payload["price"] for hit in cheap.hits) < 20
    assert 20 <= max(hit.payload["price"] for hit in middle.hits) < 40
    assert any(hit.payload["price"] is None for hit in every.hits)


def test_what_is_not_wanted_is_not_shown(engine: Engine) -> None:
    titles = [hit.payload["title"] for hit in answer(engine, "leather bag not red or blue", k=60).hits]

    assert titles
    assert not [title for title in titles if title.startswith(("red", "blue"))]


def test_a_bound_that_nothing_fits_is_left_out_and_that_is_said(engine: Engine) -> None:
    found = answer(engine, "desk lamp under 1")

    assert found.hits
    assert found.note == "nothing fits 'desk lamp' under 1 EUR; closest without it:"


def test_a_filter_of_the_request_is_never_left_out(engine: Engine) -> None:
    found = answer(engine, "desk lamp", where="price < 0.5 and price > 0.1")

    assert not found.hits
    assert found.note is not None


def test_words_that_no_product_has_get_no_confident_list(engine: Engine) -> None:
    note = answer(engine, "asdfghjkl qwertz").note

    assert note is not None
    assert note.startswith("nothing fits 'asdfghjkl qwertz': no product has one of these words;")


def test_a_photo_beside_such_words_is_an_answer(engine: Engine) -> None:
    assert engine.search(Query(text="asdfghjkl", image=picture("red")), k=3).note is None


def test_emoji_are_answered_as_the_closest_to_their_names(engine: Engine) -> None:
    found = answer(engine, "👟")

    assert found.note == "👟 is read as 'athletic shoe'; closest:"
    assert found.understood is not None
    assert found.understood.parts[0].name == "emoji:👟"


def test_words_beside_emoji_need_no_note(engine: Engine) -> None:
    assert answer(engine, "running shoes 👟").note is None


def test_a_photo_beside_emoji_is_an_answer(engine: Engine) -> None:
    assert engine.search(Query(text="👟", image=picture("red")), k=3).note is None


@pytest.mark.slow
def test_a_thousand_strings_without_a_meaning_get_no_confident_list(engine: Engine) -> None:
    texts = [text for _, text in nonsense(1_000, seed=7)]
    answers = engine.search_batch([Query(text=text) for text in texts], k=3)

    assert not [text for text, got in zip(texts, answers, strict=True) if got.hits and got.note is None]
