"""Matrices and masks, row for row."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mmsearch_dagster.core.modalities import IMAGE, TEXT, ModalityBatch, assemble

known = st.sets(st.sampled_from("abcdef"))


@given(ids=st.lists(st.sampled_from("abcdef")), words=known, looks=known)
def test_what_has_a_vector_is_present_and_what_has_none_is_zero(
    ids: list[str], words: set[str], looks: set[str]
) -> None:
    columns = {
        TEXT: {key: np.full(3, ord(key), np.float32) for key in words},
        IMAGE: {key: np.full(2, ord(key), np.float32) for key in looks},
    }
    batch = assemble(ids, columns, {TEXT: 3, IMAGE: 2})
    assert len(batch) == len(ids)
    assert batch.widths == {TEXT: 3, IMAGE: 2}
    for name, own in ((TEXT, words), (IMAGE, looks)):
        assert batch.present[name].tolist() == [key in own for key in ids]
        assert batch.vectors[name][:, 0].tolist() == [ord(key) if key in own else 0 for key in ids]


def test_taking_rows_keeps_vectors_masks_and_ids_together() -> None:
    columns = {TEXT: {key: np.full(1, place, np.float32) for place, key in enumerate("abc")}}
    part = assemble("abcd", columns, {TEXT: 1}).take([3, 1, 1])
    assert part.ids == ("d", "b", "b")
    assert part.vectors[TEXT][:, 0].tolist() == [0, 1, 1]
    assert part.present[TEXT].tolist() == [False, True, True]


def test_only_masks_every_other_modality_and_leaves_the_batch_alone() -> None:
    columns = {name: {"a": np.ones(1, np.float32)} for name in (TEXT, IMAGE)}
    batch = assemble("a", columns, {TEXT: 1, IMAGE: 1})
    assert {name: bool(mask[0]) for name, mask in batch.only(IMAGE).present.items()} == {
        TEXT: False,
        IMAGE: True,
    }
    assert batch.present[TEXT].all()


def views_of_two_products() -> ModalityBatch:
    """Two pictures of `a`, none of `b`."""
    looks = np.array([[1, 2], [3, 6], [0, 0]], np.float32)
    words = np.array([[5], [5], [7]], np.float32)
    present = {IMAGE: np.array([True, True, False]), TEXT: np.ones(3, bool)}
    return ModalityBatch(("a", "a", "b"), {IMAGE: looks, TEXT: words}, present)


def test_equal_ids_are_one_item_whose_rows_stand_together() -> None:
    assert views_of_two_products().starts.tolist() == [0, 2]
    assert assemble("", {}, {}).starts.tolist() == []


def test_merged_has_a_row_per_item_the_mean_of_its_rows() -> None:
    merged = views_of_two_products().merged()
    assert merged.ids == ("a", "b")
    assert merged.vectors[IMAGE].tolist() == [[2, 4], [0, 0]]
    assert merged.vectors[TEXT].tolist() == [[5], [7]]
    assert merged.present[IMAGE].tolist() == [True, False]


def test_merging_items_of_one_row_each_changes_nothing() -> None:
    batch = assemble("ab", {TEXT: {"a": np.full(1, 0.1, np.float32)}}, {TEXT: 1})
    assert batch.merged() is batch
