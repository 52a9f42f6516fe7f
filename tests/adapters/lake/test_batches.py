"""What is written comes back: vectors bit for bit, masks, ids in any script, grades."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmsearch_dagster.adapters.lake.batches import load_batch, load_queries, save_batch, save_queries
from mmsearch_dagster.core.evaluation.judged_queries import JudgedQueries
from mmsearch_dagster.core.modalities import IMAGE, TEXT, ModalityBatch
from mmsearch_dagster.core.understanding.understood import FILTER, PRICE, QueryPart, Understood

letters = st.text(st.characters(codec="utf-8"), max_size=6)


def batch_of(ids: list[str], seed: int) -> ModalityBatch:
    rng = np.random.default_rng(seed)
    vectors = {
        name: rng.normal(size=(len(ids), width)).astype(np.float32) for name, width in ((TEXT, 3), (IMAGE, 2))
    }
    return ModalityBatch(tuple(ids), vectors, {name: rng.random(len(ids)) < 0.5 for name in vectors})


def assert_same(found: ModalityBatch, wanted: ModalityBatch) -> None:
    assert found.ids == wanted.ids
    assert set(found.vectors) == set(found.present) == set(wanted.vectors)
    for name, matrix in wanted.vectors.items():
        np.testing.assert_array_equal(found.vectors[name], matrix)
        np.testing.assert_array_equal(found.present[name], wanted.present[name])
        assert found.present[name].dtype == bool
        assert found.vectors[name].dtype == np.float32


@given(ids=st.lists(letters, max_size=5), seed=st.integers(0, 99))
@settings(deadline=None, max_examples=15)
def test_a_batch_comes_back(ids: list[str], seed: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("batch")
    save_batch(folder, "items", batch_of(ids, seed))
    assert_same(load_batch(folder, "items"), batch_of(ids, seed))


UNDERSTOOD = Understood(
    "gray bag under 9",
    "gray bag",
    ("grey",),
    (QueryPart(PRICE, "under 9", "under 9 €", FILTER, "price < 9.0"),),
    ("p1", "p2"),
    suggestion="grey bag",
)


@given(
    graded=st.dictionaries(letters, st.dictionaries(letters, st.integers(1, 3), max_size=3), max_size=4),
    seed=st.integers(0, 99),
)
@settings(deadline=None, max_examples=15)
def test_judged_queries_come_back(
    graded: dict[str, dict[str, int]], seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("queries")
    texts = tuple(key if place % 2 else None for place, key in enumerate(graded))
    wanted = JudgedQueries(
        batch_of(list(graded), seed),
        texts,
        ("judged",) * len(graded),
        graded,
        kinds={key: "voice" if place % 2 else "words[zh]" for place, key in enumerate(graded)},
        confidence={key: 0.5 for place, key in enumerate(graded) if place % 2},
        typed={key: "typed" for place, key in enumerate(graded) if place % 4 == 1},
        understood={key: UNDERSTOOD for place, key in enumerate(graded) if place % 3 == 1},
    )
    save_queries(folder, "dev", wanted)
    found = load_queries(folder, "dev")
    assert_same(found.batch, wanted.batch)
    assert replace(found, batch=wanted.batch) == wanted


def test_columns_of_a_wider_matrix_are_written_as_they_look(tmp_path: Path) -> None:
    wide = np.arange(12, dtype=np.float32).reshape(3, 4)
    part = ModalityBatch(("a", "b", "c"), {TEXT: wide[:, ::2]}, {TEXT: np.ones(3, bool)})
    save_batch(tmp_path, "x", part)
    assert load_batch(tmp_path, "x").vectors[TEXT].tolist() == wide[:, ::2].tolist()


def test_two_sets_share_a_folder(tmp_path: Path) -> None:
    save_batch(tmp_path, "a", batch_of(["1"], 1))
    save_batch(tmp_path, "b", batch_of(["2"], 2))
    assert_same(load_batch(tmp_path, "a"), batch_of(["1"], 1))
