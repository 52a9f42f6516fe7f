"""The same content has the same name; other content has another."""

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from mmsearch_dagster.core.digest import digest_of, digest_of_frame, sha256_bytes, sha256_text

facts = st.dictionaries(
    st.text(st.characters(codec="utf-8"), max_size=5), st.integers() | st.booleans(), max_size=5
)


def test_sha256_is_that_of_the_standard() -> None:
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert sha256_bytes(b"") == sha256_text("") == empty
    assert sha256_text("家") == sha256_bytes("家".encode())


@given(known=facts)
def test_the_order_of_facts_does_not_matter(known: dict[str, int]) -> None:
    assert digest_of(known) == digest_of(dict(reversed(list(known.items()))))
    assert len(digest_of(known)) == 16


@given(known=facts, key=st.sampled_from("abc"))
def test_another_fact_is_another_name(known: dict[str, int], key: str) -> None:
    assert digest_of({**known, key: "one"}) != digest_of({**known, key: "two"})


def test_a_frame_is_named_by_rows_order_names_and_types() -> None:
    frame = pl.DataFrame({"a": [1, 2], "b": ["x", None]})
    others = [
        frame.reverse(),
        frame.rename({"a": "c"}),
        frame.cast({"a": pl.Int32}),
        frame.head(1),
        frame.with_columns(b=pl.Series(["x", ""])),
        frame.clear(),
    ]
    names = {digest_of_frame(other) for other in (frame, *others)}
    assert len(names) == 1 + len(others)


def test_how_a_frame_lies_in_memory_does_not_change_its_name() -> None:
    frame = pl.DataFrame({"a": list(range(10))})
    pieces = pl.concat([frame.head(3), frame.tail(7)], rechunk=False)
    assert digest_of_frame(pieces) == digest_of_frame(frame)
