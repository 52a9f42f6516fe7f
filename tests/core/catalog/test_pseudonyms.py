import hashlib
import hmac

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmsearch_dagster.core.catalog.pseudonyms import PSEUDONYM_LENGTH, pseudonym, pseudonymise
from mmsearch_dagster.core.errors import QueryError

KEY = b"k" * 32


def test_a_pseudonym_is_the_first_half_of_hmac_sha256():
    expected = hmac.new(KEY, "Zoë".encode(), hashlib.sha256).hexdigest()[:32]
    assert pseudonym("Zoë", KEY) == expected


def test_another_key_gives_another_pseudonym():
    assert pseudonym("u1", KEY) != pseudonym("u1", b"x" * 32)


def test_an_empty_key_is_refused():
    with pytest.raises(ValueError, match="key"):
        pseudonym("u1", b"")


def test_an_id_that_is_no_text_is_refused_without_being_quoted():
    with pytest.raises(QueryError, match="not Unicode text") as caught:
        pseudonym("u\ud800", KEY)
    assert "ud800" not in str(caught.value)


@given(st.lists(st.none() | st.text(st.characters(exclude_categories=("Cs",)), min_size=1), max_size=30))
def test_a_series_is_hidden_row_for_row(ids: list[str | None]):
    hidden = pseudonymise(pl.Series("user_id", ids, dtype=pl.String), KEY)
    assert hidden.to_list() == [None if raw is None else pseudonym(raw, KEY) for raw in ids]
    assert hidden.name == "user_id"
    assert all(len(name) == PSEUDONYM_LENGTH for name in hidden.drop_nulls())
