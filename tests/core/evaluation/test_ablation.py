"""One thing changed at a time, and in words what that is worth."""

from dataclasses import replace

import numpy as np
import pytest

from mmsearch_dagster.core.evaluation.ablation import (
    ALL_MODALITIES,
    ALONE,
    LOSS,
    PAIR,
    STRATEGY,
    WITHOUT,
    ablation_deltas,
    ablation_variants,
    rank_with,
)
from mmsearch_dagster.core.evaluation.judged_queries import JudgedQueries
from mmsearch_dagster.core.fusion.config import LOSSES, STRATEGIES, TrainParams
from mmsearch_dagster.core.fusion.dataset import Examples
from mmsearch_dagster.core.metrics.bootstrap import Difference
from mmsearch_dagster.core.modalities import AUDIO, COLLABORATIVE, IMAGE, TEXT, VIDEO, ModalityBatch
from tests.core.fusion.toy import rotated_catalogue
from tests.core.judged import queries, rankings

pytestmark = pytest.mark.slow

EVERYTHING = (TEXT, IMAGE, AUDIO, VIDEO, COLLABORATIVE)
BRIEF = TrainParams(steps=20, batch=20, evaluate_every=10, width=16, hidden=8)


def test_every_modality_is_tried_alone_in_pairs_and_left_out() -> None:
    found = list(ablation_variants(EVERYTHING, "weighted", "contrastive"))
    names = {group: [one.name for one in found if one.group == group] for group in {t.group for t in found}}
    assert found[0].group == ALL_MODALITIES
    assert set(found[0].modalities) == set(EVERYTHING)
    assert sorted(names[ALONE]) == sorted([TEXT, IMAGE, AUDIO])  # nobody asks with a video or with factors
    assert len(names[PAIR]) == 10 - 1  # video with factors answers nobody
    assert len(names[WITHOUT]) == 5
    assert sorted(names[STRATEGY]) == sorted(set(STRATEGIES) - {"weighted"})
    assert sorted(names[LOSS]) == sorted(set(LOSSES) - {"contrastive"})
    assert len({(one.modalities, one.strategy, one.loss) for one in found}) == len(found)


@pytest.mark.parametrize(("modalities", "count"), [((TEXT,), 0), ((TEXT, IMAGE), 2)])
def test_few_modalities_have_few_parts(modalities: tuple[str, ...], count: int) -> None:
    parts = [
        one
        for one in ablation_variants(modalities, "concat", "triplet")
        if one.modalities != tuple(sorted(modalities))
    ]
    assert [one.group for one in parts] == [ALONE] * count


def shop() -> tuple[Examples, JudgedQueries]:
    """Queries ask with words; every product has words and a picture of pure noise."""
    calm = rotated_catalogue(items=30)
    rng = np.random.default_rng(2)
    pictures = rng.normal(size=(30, 5)).astype(np.float32)
    items = ModalityBatch(
        calm.items.ids,
        {**calm.items.vectors, IMAGE: pictures},
        {name: np.ones(30, bool) for name in (TEXT, IMAGE)},
    )
    asked = calm.dev.queries
    best = np.asarray(calm.dev.grades.argmax(axis=1)).ravel()
    grades = {key: {items.ids[int(row)]: 3} for key, row in zip(asked.ids, best, strict=True)}
    kinds = dict.fromkeys(asked.ids, "words")
    judged = JudgedQueries(asked, tuple("w" for _ in asked.ids), ("judged",) * len(asked), grades, kinds)
    return replace(calm, items=items), judged


def test_a_trial_sees_its_own_modalities_only() -> None:
    examples, judged = shop()
    whole, words, pictures = (
        one
        for one in ablation_variants((TEXT, IMAGE), "weighted", "contrastive")
        if one.group in (ALL_MODALITIES, ALONE)
    )
    if words.modalities != (TEXT,):
        words, pictures = pictures, words
    found = {
        one.name: rank_with(one, examples, {"dev": judged}, BRIEF, depth=5)["dev"]
        for one in (whole, words, pictures)
    }
    assert all(len(ranking) == 5 for ranking in found[TEXT].values())
    assert not any(found[IMAGE].values())  # a query of words says nothing to pictures


def test_what_is_lost_without_a_modality_is_said_with_its_interval() -> None:
    asked = queries(12)
    good, bad = rankings(asked, "right"), rankings(asked, "wrong", "right")
    rows = ablation_deltas(good, {"without text": bad, "without sound": good}, asked, seed=7)
    assert [row["verdict"] for row in rows] == ["pays", "not shown to pay"]
    assert rows[0]["lost without"].startswith("+0.3691 [")
    assert ablation_deltas(bad, {"without text": good}, asked, seed=7)[0]["verdict"] == "harms"


def test_an_interval_around_zero_says_nothing() -> None:
    from mmsearch_dagster.core.evaluation.ablation import verdict

    assert verdict(Difference(0.1, -0.01, 0.2, 0.9, 9)) == "not shown to pay"
