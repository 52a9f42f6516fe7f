"""What is explained is what was answered."""

from dataclasses import replace
from pathlib import Path

import pytest

from mmsearch_dagster.core.modalities import IMAGE, TEXT
from mmsearch_dagster.core.release import RetrievalParams
from mmsearch_dagster.core.retrieval.query import Query
from mmsearch_dagster.serving.engine import Engine
from mmsearch_dagster.serving.explain import explain
from tests.small_release import HashedWords, MeanColour, make_release, picture


def test_an_explanation_tells_the_place_and_score_of_the_page_it_explains(tmp_path: Path) -> None:
    release = make_release(tmp_path, products=60)
    shallow = RetrievalParams(weights={"words": {"lexical": 1.0, "text": 0.5}}, depth=4)
    manifest = release.manifest.model_copy(update={"retrieval": shallow})
    encoders = {TEXT: HashedWords(), IMAGE: MeanColour()}
    engine = Engine.open(manifest, release.index_uri, release.model_dir, encoders)
    query = Query(text="red wool scarf model 30")

    page = engine.search(query, k=4).hits

    assert any(None in hit.branches.values() for hit in page)  # one branch alone found it
    for hit in page:
        told = explain(engine, query, hit.product_id)
        assert (told["rank"], told["score"]) == (hit.rank, hit.score)
        assert sum(one["share"] for one in told["branches"]) == pytest.approx(hit.score)


MIXED = Query(text="blue leather bag", image=picture("green"))


@pytest.mark.parametrize("weights", [{}, {"image": 5.0}, {"text": 1.0, "image": 4.0}, {"image": 0.0}])
def test_the_fused_cosines_are_those_that_a_search_with_these_weights_orders_by(
    tmp_path: Path, weights: dict[str, float]
) -> None:
    release = make_release(tmp_path, products=30, text_column=True)
    encoders = {TEXT: HashedWords(), IMAGE: MeanColour()}
    engine = Engine.open(release.manifest, release.index_uri, release.model_dir, encoders)
    query = replace(MIXED, weights=weights)
    found = sorted(engine.search(query, k=30).hits, key=lambda hit: hit.branches["vector"] or 0)

    told = [explain(engine, query, hit.product_id) for hit in found]

    cosines = [one["modalities"][0]["fused_cosine"] for one in told]
    assert cosines == sorted(cosines, reverse=True)
    parts = [part for one in told[:3] for part in (*one["modalities"], *one["product_modalities"])]
    for part, wanted in zip(parts, [c for c in cosines[:3] for _ in range(len(parts) // 3)], strict=True):
        assert part["fused_cosine"] == pytest.approx(wanted, abs=1e-3)


def test_without_a_modality_is_as_a_search_that_weighs_it_0(tmp_path: Path) -> None:
    release = make_release(tmp_path, products=30)
    encoders = {TEXT: HashedWords(), IMAGE: MeanColour()}
    engine = Engine.open(release.manifest, release.index_uri, release.model_dir, encoders)

    def modalities(**weights: float) -> dict[str, dict[str, float]]:
        told = explain(engine, replace(MIXED, weights=weights), "p00004")["modalities"]
        return {one["modality"]: one for one in told}

    heavy = modalities(text=2.0, image=3.0)
    assert heavy["text"]["fused_without_it"] == modalities(text=0.0)["image"]["fused_cosine"]
    assert heavy["image"]["fused_without_it"] == modalities(image=0.0)["text"]["fused_cosine"]


@pytest.mark.parametrize("text_column", [True, False])
def test_what_each_modality_of_the_product_brings_is_the_change_without_it(
    tmp_path: Path, text_column: bool
) -> None:
    release = make_release(tmp_path, products=20, text_column=text_column)
    encoders = {TEXT: HashedWords(), IMAGE: MeanColour()}
    engine = Engine.open(release.manifest, release.index_uri, release.model_dir, encoders)
    told = explain(engine, Query(image=picture("red")), "p00000")
    if not text_column:  # the published vector is of more than the index keeps
        assert told["product_modalities"] == []
        return
    parts = {one["modality"]: one for one in told["product_modalities"]}
    assert set(parts) == {"text", "image"}
    whole = told["modalities"][0]["fused_cosine"]
    for one in parts.values():
        assert one["fused_cosine"] == pytest.approx(whole, abs=1e-3)
        gap = one["fused_cosine"] - one["fused_without_it"]
        assert one["brings"] == pytest.approx(gap, abs=2e-4)
    # A red picture asks, and both towers share their weights: the product's own red picture is all that fits.
    assert parts["text"]["fused_without_it"] == pytest.approx(1.0, abs=1e-3)
    assert parts["image"]["brings"] > 0 > parts["text"]["brings"]


def test_of_several_pictures_the_nearest_one_is_explained(tmp_path: Path) -> None:
    release = make_release(tmp_path, products=30, text_column=True, several_pictures=True)
    encoders = {TEXT: HashedWords(), IMAGE: MeanColour()}
    engine = Engine.open(release.manifest, release.index_uri, release.model_dir, encoders)
    # The pictures of p00003 are black, white and red.
    for colour, like in (("black", True), ("red", True), ("green", False)):
        told = explain(engine, Query(image=picture(colour)), "p00003")
        (shown,) = told["modalities"]
        assert (shown["own_cosine"] > 0.999) is like
        parts = {part["modality"]: part["fused_cosine"] for part in told["product_modalities"]}
        assert parts == {TEXT: shown["fused_cosine"], IMAGE: shown["fused_cosine"]}
