"""What is explained is what was answered."""

from pathlib import Path

import pytest

from mmsearch_dagster.adapters.answers import Query
from mmsearch_dagster.adapters.engine import Engine
from mmsearch_dagster.adapters.explaining import explain
from mmsearch_dagster.core.modalities import IMAGE, TEXT
from mmsearch_dagster.core.release import RetrievalParams
from tests.adapters.small_release import HashedWords, MeanColour, make_release


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
