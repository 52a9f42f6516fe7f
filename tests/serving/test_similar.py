"""Products like another one."""

from pathlib import Path

from mmsearch_dagster.adapters.lake.people import RULES, PeopleFiles
from mmsearch_dagster.core.modalities import IMAGE, TEXT
from mmsearch_dagster.core.retrieval.business_rules import BusinessRules
from mmsearch_dagster.serving.engine import Engine
from mmsearch_dagster.serving.recommender import Recommender
from tests.small_release import HashedWords, MeanColour, make_release


def test_a_product_is_similar_by_the_nearest_of_its_pictures(tmp_path: Path) -> None:
    (tmp_path / RULES).write_text(BusinessRules(diversity=0.0).model_dump_json())
    made = make_release(tmp_path, text_column=True, several_pictures=True)
    encoders = {TEXT: HashedWords(), IMAGE: MeanColour()}
    engine = Engine.open(made.manifest, made.index_uri, made.model_dir, encoders)
    found = Recommender(engine, PeopleFiles(tmp_path)).similar("p00003", k=5).hits
    _, views = engine.table.vectors(["p00003"])
    pairs = [engine.table.scores(view, [hit.product_id for hit in found]) for view in views]
    assert len(views) == 3
    assert "p00003" not in {hit.product_id for hit in found}
    for hit in found:
        assert hit.score == max(scores[hit.product_id] for scores in pairs)
