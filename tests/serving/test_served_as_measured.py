"""What the evaluation measures is what the engine serves, for every kind of query."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mmsearch_dagster.core.evaluation.comparison import DEPTH, branches_of
from mmsearch_dagster.core.evaluation.judged_queries import JudgedQueries, by_model, by_words
from mmsearch_dagster.core.evaluation.tune_blend import FULL_TEXT_ALONE, blend, choose_blend
from mmsearch_dagster.core.fusion.model import load_model
from mmsearch_dagster.core.modalities import IMAGE, TEXT, ModalityBatch, assemble
from mmsearch_dagster.core.release import RetrievalParams
from mmsearch_dagster.core.retrieval.query import Query
from mmsearch_dagster.core.retrieval.rank_fusion import LEXICAL_BRANCH, modality_column
from mmsearch_dagster.core.speech.transcript import Transcript
from mmsearch_dagster.serving import engine as engine_module
from mmsearch_dagster.serving.engine import Engine
from tests.media import sound_file, tone
from tests.small_release import (
    IMAGE_WIDTH,
    TEXT_WIDTH,
    HashedWords,
    MeanColour,
    make_release,
    picture,
)


class Doubtful:
    fingerprint = "doubtful"

    def transcribe(self, samples: NDArray[np.float32]) -> Transcript:
        return Transcript("wool scarf", 0.4)


WIDTHS = {TEXT: TEXT_WIDTH, IMAGE: IMAGE_WIDTH}
ASKED = {
    "words": Query(text="blue leather bag"),
    "words[zh]": Query(text="红色运动鞋"),
    "words[ja]": Query(text="運動鞋のバッグ bag"),
    "words[other]": Query(text="красные туфли"),
    "picture": Query(image=picture("green")),
    "words+picture": Query(text="scarf", image=picture("blue")),
    "words+picture[zh]": Query(text="红色", image=picture("blue")),
    "words+voice": Query(text="red", audio=sound_file(tone(500, 0.5))),
    "words+voice+picture": Query(text="red", audio=sound_file(tone(500, 0.5)), image=picture("white")),
}


# A condition that every product passes, so that it must change nothing.
ALWAYS_TRUE = 'category ~ "shop"'
IN_MEMORY, BY_THE_INDEX = 1_000_000, 1


@pytest.mark.parametrize("where", [None, ALWAYS_TRUE])
@pytest.mark.parametrize("exact_rows", [IN_MEMORY, BY_THE_INDEX])
@pytest.mark.parametrize(("multilingual", "longest"), [(False, 20.0), (True, 1000.0), (False, 1.0)])
def test_the_engine_answers_each_kind_of_query_as_it_was_measured(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    multilingual: bool,
    longest: float,
    exact_rows: int,
    where: str | None,
) -> None:
    monkeypatch.setattr(engine_module, "_open_ears", lambda *_: Doubtful())
    one = make_release(tmp_path, text_column=True, longest=longest)
    model = load_model(one.model_dir)
    encoders = {TEXT: HashedWords(longest=longest), IMAGE: MeanColour(longest=longest)}

    def opened(retrieval: RetrievalParams) -> Engine:
        manifest = one.manifest.model_copy(update={"retrieval": retrieval})
        return Engine.open(manifest, one.index_uri, one.model_dir, encoders, exact_rows=exact_rows)

    engine = opened(RetrievalParams())
    items, asked = _items(engine), _judged(engine)
    words = by_words(
        asked,
        lambda texts, k: [[h.product_id for h in hits] for hits in engine.table.lexical_batch(texts, k)],
        DEPTH,
    )
    branches = branches_of(by_model(model, asked.batch, items, DEPTH), asked, items, words)
    chosen = choose_blend(branches, asked, multilingual=multilingual)

    measured = blend(branches, asked, chosen.weights)
    answers = {kind: opened(chosen).search(query, k=DEPTH, where=where) for kind, query in ASKED.items()}

    assert {kind: answer.kind for kind, answer in answers.items()} == {kind: kind for kind in ASKED}
    assert {kind: [hit.product_id for hit in one.hits] for kind, one in answers.items()} == measured
    for kind in ("words[zh]", "words[ja]", "words[other]"):
        assert (measured[kind] == words[LEXICAL_BRANCH][kind]) is not multilingual
        assert (chosen.weights.get(kind) == FULL_TEXT_ALONE) is not multilingual


def _items(engine: Engine) -> ModalityBatch:
    own = {name: engine.table.matrix(modality_column(name)) for name in WIDTHS}
    found = {name: dict(zip(*pair, strict=True)) for name, pair in own.items()}
    return assemble(sorted(engine.table.product_ids), found, WIDTHS)


def _judged(engine: Engine) -> JudgedQueries:
    """Too few of each kind to choose a blend by."""
    read = {kind: engine.read(query) for kind, query in ASKED.items()}
    vectors = {
        name: {kind: batch.vectors[name][0] for kind, (_, batch) in read.items() if batch.present[name][0]}
        for name in WIDTHS
    }
    return JudgedQueries(
        batch=assemble(list(ASKED), vectors, WIDTHS),
        texts=tuple(content.text for content, _ in read.values()),
        origins=("judged",) * len(ASKED),
        grades={kind: {"p00000": 3} for kind in ASKED},
        kinds={kind: content.kind for kind, (content, _) in read.items()},
        confidence={k: one.transcript.confidence for k, (one, _) in read.items() if one.transcript},
        typed={kind: one.typed for kind, (one, _) in read.items() if one.transcript and one.typed},
    )
