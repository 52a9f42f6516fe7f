import io
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from mmsearch_dagster.core.errors import OtherEncoderError, QueryError, ReleaseMismatchError
from mmsearch_dagster.core.modalities import IMAGE, TEXT
from mmsearch_dagster.core.release import ReleaseManifest
from mmsearch_dagster.core.retrieval.variant_groups import VariantFacts
from mmsearch_dagster.serving import retrievers
from mmsearch_dagster.serving.encode_query import EncoderHere, EncoderOrLoader
from mmsearch_dagster.serving.engine import Engine, Query
from tests.small_release import (
    TEXT_IDENTITY,
    HashedWords,
    MeanColour,
    SmallRelease,
    identity,
    make_release,
    picture,
)


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> SmallRelease:
    return make_release(tmp_path_factory.mktemp("release"))


def open_engine(
    release: SmallRelease, manifest: ReleaseManifest | None = None, **encoders: EncoderOrLoader
) -> Engine:
    given = {TEXT: HashedWords(), IMAGE: MeanColour(), **encoders}
    return Engine.open(manifest or release.manifest, release.index_uri, release.model_dir, given)


@pytest.fixture(scope="module")
def engine(release: SmallRelease) -> Engine:
    return open_engine(release)


def test_words_are_found_by_both_branches_and_blended(engine: Engine) -> None:
    answer = engine.search(Query(text="red running shoes model 0"), k=5)
    assert (answer.kind, answer.release_id) == ("words", "r-one")
    exact = next(hit for hit in answer.hits if hit.product_id == "p00000")
    assert exact.branches["lexical"] == 1
    assert exact.payload["title"] == "red running shoes model 0"
    for hit in answer.hits:
        ranks = [rank for rank in hit.branches.values() if rank is not None]
        assert hit.score == pytest.approx(sum(1 / (60 + rank) for rank in ranks))
    assert answer.took_ms > 0
    assert [hit.rank for hit in answer.hits] == [1, 2, 3, 4, 5]


def test_a_warm_engine_needs_no_further_thread_for_its_retrievers(
    release: SmallRelease, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    warm = open_engine(release)
    warm.warm()
    monkeypatch.setattr(retrievers, "_pool", lambda: pytest.fail("a retriever was sent to another thread"))

    answer = warm.search(Query(text="red running shoes model 0"), k=5)

    monkeypatch.undo()
    expected = engine.search(Query(text="red running shoes model 0"), k=5)
    assert [hit.product_id for hit in answer.hits] == [hit.product_id for hit in expected.hits]


def test_retrievers_use_other_cores_that_are_free(
    release: SmallRelease, monkeypatch: pytest.MonkeyPatch
) -> None:
    warm = open_engine(release)
    warm.warm()
    query = Query(text="red running shoes model 0")
    expected = warm.search_batch([query], k=5)[0]
    lent = retrievers._pool()
    handed: list[object] = []
    monkeypatch.setattr(
        lent, "submit", lambda search, submit=lent.submit: (handed.append(search), submit(search))[1]
    )

    answer = warm.search_batch([query], k=5, cores_free=True)[0]

    assert len(handed) == 1  # the caller does the other one itself
    assert answer.hits == expected.hits


def test_a_picture_finds_products_of_its_colour(engine: Engine) -> None:
    answer = engine.search(Query(image=picture("green")), k=40)
    assert answer.kind == "picture"
    assert {hit.branches["lexical"] for hit in answer.hits} == {None}
    assert len(answer.hits) == 40


def test_words_and_picture_together(engine: Engine) -> None:
    answer = engine.search(Query(text="blue leather bag model 1", image=picture("blue")), k=3)
    assert (answer.kind, answer.hits[0].product_id) == ("words+picture", "p00001")
    assert answer.hits[0].score == pytest.approx(1.5 / 61)


def test_a_request_may_weigh_the_branches_itself(engine: Engine) -> None:
    query = Query(text="wool scarf")
    lexical = engine.search(replace(query, weights={"vector": 0.0}), k=40)
    assert {hit.branches["vector"] for hit in lexical.hits} == {None}
    vector = engine.search(replace(query, weights={"lexical": 0}), k=40)
    assert {hit.branches["lexical"] for hit in vector.hits} == {None}
    assert len(vector.hits) == 40 > len(lexical.hits)


LIKE_THIS = Query(text="blue leather bag", image=picture("green"))


@pytest.mark.parametrize(
    ("left_out", "alone"),
    [("image", Query(text=LIKE_THIS.text)), ("text", Query(image=LIKE_THIS.image))],
)
def test_a_modality_of_weight_0_is_as_good_as_not_given(engine: Engine, left_out: str, alone: Query) -> None:
    found = engine.search(replace(LIKE_THIS, weights={left_out: 0.0}), k=40)
    wanted = engine.search(alone, k=40)
    assert (found.kind, found.hits) == (wanted.kind, wanted.hits)
    assert found.hits != engine.search(LIKE_THIS, k=40).hits


def test_a_request_may_weigh_words_against_picture(engine: Engine) -> None:
    def order(**weights: float) -> list[str]:
        only_vector = {"lexical": 0.0, **weights}
        hits = engine.search(replace(LIKE_THIS, weights=only_vector), k=40).hits
        return [hit.product_id for hit in sorted(hits, key=lambda hit: hit.branches["vector"] or 0)]

    def alone(query: Query) -> list[str]:
        return [hit.product_id for hit in engine.search(replace(query, weights={"lexical": 0.0}), k=40).hits]

    assert order(image=1e6)[:3] == alone(Query(image=LIKE_THIS.image))[:3]
    assert order(text=1e6) == alone(Query(text=LIKE_THIS.text))
    assert order(text=1.0, image=1.0) not in (order(image=1e6), order(text=1e6))


def test_an_encoder_of_its_own_weight_is_a_branch_too(engine: Engine) -> None:
    asked = Query(image=picture("green"), weights={"vector": 0.0, "image": 1.0})
    answer = engine.search(asked, k=5, where="price < 20")
    assert [hit.branches for hit in answer.hits] == [
        {"vector": None, "lexical": None, "image": rank} for rank in range(1, 6)
    ]
    assert all(hit.payload["price"] < 20 for hit in answer.hits)


def test_a_filter_holds_in_both_branches(engine: Engine) -> None:
    answer = engine.search(Query(text="red shoes"), k=40, where='in_stock and price < 20 and brand = "Aero"')
    assert answer.hits
    for hit in answer.hits:
        assert hit.payload["in_stock"]
        assert hit.payload["price"] < 20
        assert hit.payload["brand"] == "Aero"
    assert engine.search(Query(text="red"), k=5, where="price > 1e9").hits == ()


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (Query(), "empty"),
        (Query(text=" \n<b></b> ", image=b""), "empty"),
        (Query(image=b"GIF no"), "picture of the query cannot be read: not a picture"),
        (Query(text="red", image=b"GIF no"), "not a picture"),
        (Query(text="red", weights={"lexcal": 1.0}), "did you mean 'lexical'"),
        (Query(text="red", weights={"lexical": -1.0}), "0 or more"),
        (Query(text="red", weights={"text": 0.0}), "all that the query gives weighs 0: text"),
        (replace(LIKE_THIS, weights={"text": 0.0, "image": 0}), "weighs 0: image, text"),
        (Query(image=picture("red"), weights={"vector": 0.0}), "cannot answer a query of picture"),
    ],
)
def test_a_query_that_cannot_be_answered_says_why(engine: Engine, query: Query, message: str) -> None:
    with pytest.raises(QueryError, match=message):
        engine.search(query, k=3)


def test_a_picture_that_would_hold_up_the_others_is_never_decoded(release: SmallRelease) -> None:
    file = io.BytesIO()
    Image.new("1", (1, 40_000)).save(file, "PNG")
    with pytest.raises(QueryError, match="cannot be read: picture too large: 1 x 40,000"):
        open_engine(release).search(Query(image=file.getvalue()), k=3)


@pytest.mark.parametrize("k", [0, -1, 1001, True, 2.5, "3"])
def test_k_must_be_sensible(engine: Engine, k: int) -> None:
    with pytest.raises(QueryError, match="from 1 to 1000"):
        engine.search(Query(text="red"), k=k)


@pytest.mark.parametrize("text", ["'\"; DROP TABLE", "红色运动鞋", "\ud800", "é" * 9000, "\x00a"])
def test_any_words_are_answered(engine: Engine, text: str) -> None:
    try:
        answer = engine.search(Query(text=text), k=3)
    except QueryError as error:
        assert "empty" in str(error)  # noqa: PT017
    else:
        assert len(answer.hits) == 3


def test_a_batch_gives_each_query_the_answer_it_gets_alone(engine: Engine) -> None:
    queries = [
        Query(text="red shoes", query_id="a"),
        Query(image=b"broken", query_id="b"),
        Query(image=picture("blue"), query_id="c"),
        Query(query_id="d"),
        Query(text="blue bag", image=picture("blue"), query_id="e"),
    ]
    answers = engine.search_batch(queries, k=7)
    assert [answer.query_id for answer in answers] == list("abcde")
    assert [answer.problem is None for answer in answers] == [True, False, True, False, True]
    for query, answer in zip(queries, answers, strict=True):
        if answer.problem is None:
            assert answer.hits == engine.search(query, k=7).hits
        else:
            assert answer.hits == ()


def test_a_batch_encodes_in_few_calls(release: SmallRelease) -> None:
    words = HashedWords()
    engine = open_engine(release, **{TEXT: words})
    engine.search_batch([Query(text=f"red shoes {n % 10}") for n in range(300)], k=1)
    assert words.calls == 2
    assert engine.search_batch([], k=1) == []


def unused() -> HashedWords:
    raise AssertionError("nothing is loaded to be compared")


def test_another_encoder_is_refused_before_and_after_it_is_loaded(release: SmallRelease) -> None:
    other = HashedWords(identity(TEXT, 32, fingerprint="two"))
    with pytest.raises(OtherEncoderError, match=r"text encoder here is two.*with one"):
        open_engine(release, **{TEXT: other})
    with pytest.raises(ReleaseMismatchError, match=r"text encoder here is two.*with one"):
        open_engine(release, **{TEXT: EncoderHere(other.identity, unused)})
    lazy = open_engine(release, **{TEXT: EncoderHere(TEXT_IDENTITY, lambda: other)})
    with pytest.raises(ReleaseMismatchError, match="text encoder here is two"):
        lazy.search(Query(text="red"), k=1)
    with pytest.raises(ReleaseMismatchError, match="text encoder here is two"):
        lazy.warm()


def test_a_loader_is_called_once_and_only_when_needed(release: SmallRelease) -> None:
    loaded: list[str] = []

    def load() -> HashedWords:
        loaded.append("text")
        return HashedWords()

    engine = open_engine(release, **{TEXT: EncoderHere(TEXT_IDENTITY, load)})
    engine.search(Query(image=picture("red")), k=1)
    assert loaded == []
    engine.search(Query(text="red"), k=1)
    engine.search(Query(text="blue"), k=1)
    assert loaded == ["text"]


def test_parts_of_another_release_are_refused(release: SmallRelease, tmp_path: Path) -> None:
    manifest = release.manifest
    pin = manifest.index
    assert pin is not None
    wrong = {
        "weights": manifest.model_copy(update={"weights_sha256": "0" * 64}),
        "no index": manifest.model_copy(update={"index": None}),
        "no version": manifest.model_copy(update={"index": pin.model_copy(update={"tag": "gone"})}),
        "version": manifest.model_copy(update={"index": pin.model_copy(update={"rows": 3})}),
        "encoder": manifest.model_copy(update={"encoders": manifest.encoders[:1]}),
    }
    for message, changed in wrong.items():
        with pytest.raises(ReleaseMismatchError, match=message):
            open_engine(release, changed)
    with pytest.raises(ReleaseMismatchError, match="cannot be loaded"):
        Engine.open(manifest, release.index_uri, tmp_path, {TEXT: HashedWords(), IMAGE: MeanColour()})


UNKNOWN = Query(text="kite", weights={"vector": 0.0})


@pytest.mark.parametrize(
    ("query", "where", "told"),
    [
        (Query(text="red"), "price < 0", "no product passes the filter price < 0: prices go from "),
        (Query(image=picture("red")), " price < 0 ", "passes the filter price < 0: "),
        (UNKNOWN, None, "nothing is found for 'kite': no product has one of these words"),
        (UNKNOWN, "  ", "nothing is found for 'kite': no product has"),
        (UNKNOWN, "price < 3", "nothing is found for 'kite' among the 2 that pass the filter price < 3: "),
        (replace(UNKNOWN, text="é" * 900), None, f"nothing is found for '{'é' * 80}…': "),
    ],
)
def test_where_nothing_is_found_the_answer_says_why_and_what_to_do(
    engine: Engine, query: Query, where: str | None, told: str
) -> None:
    answer = engine.search(query, k=3, where=where)
    assert answer.hits == ()
    assert told in (answer.note or "")


def test_only_an_empty_answer_has_a_note(engine: Engine) -> None:
    answers = engine.search_batch([Query(text="red"), UNKNOWN, Query()], k=3, where="price < 3")
    assert [(bool(one.hits), one.note is None, one.problem is None) for one in answers] == [
        (True, True, True),
        (False, False, True),
        (False, True, False),
    ]


def test_payload_of_products(engine: Engine) -> None:
    assert set(engine.payload(["p00002", "nothing"])) == {"p00002"}


class TestVariants:
    """Products in five colours each, every colour a product of the index."""

    @pytest.fixture(scope="class")
    def variants(self, tmp_path_factory: pytest.TempPathFactory) -> Engine:
        return open_engine(make_release(tmp_path_factory.mktemp("variants"), products=60, variants=5))

    def test_a_product_is_shown_once_with_the_variant_that_fits_in_front(self, variants: Engine) -> None:
        hits = variants.search(Query(image=picture("green")), k=8).hits
        assert len({hit.payload["parent_id"] for hit in hits}) == len(hits) == 8
        assert {hit.payload["title"].split()[0] for hit in hits} == {"green"}
        assert [hit.rank for hit in hits] == list(range(1, 9))

    def test_prices_are_a_range(self, variants: Engine) -> None:
        hit = variants.search(Query(text="p00012"), k=3).hits[0]
        assert hit.product_id == "p00012"
        assert hit.variants == VariantFacts(count=5, price_from=11.0, price_to=14.0), "p00010 has no price"

    def test_longer_lists_are_read_where_variants_of_few_products_fill_them(self, tmp_path: Path) -> None:
        """The lists are 50 long and hold 20 variants of each product."""
        engine = open_engine(make_release(tmp_path, products=200, variants=20))
        hits = engine.search(Query(image=picture("red")), k=8).hits
        assert len({hit.payload["parent_id"] for hit in hits}) == 8

    def test_a_number_puts_its_variant_in_front_and_no_sibling_behind(self, variants: Engine) -> None:
        hits = variants.search(Query(text="p00021"), k=10).hits
        assert hits[0].product_id == "p00021"
        assert [hit.payload["parent_id"] for hit in hits].count("g4") == 1

    def test_a_release_without_parents_shows_every_product(self, engine: Engine) -> None:
        assert all(hit.variants is None for hit in engine.search(Query(image=picture("red")), k=5).hits)
