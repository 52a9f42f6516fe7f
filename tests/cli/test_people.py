from pathlib import Path

import polars as pl
import pytest

from mmsearch_dagster.adapters.host.secret_key import pseudonym_key
from mmsearch_dagster.cli.people import explain, hidden_id, recommend
from mmsearch_dagster.core.catalog.pseudonyms import pseudonymise
from mmsearch_dagster.core.errors import QueryError


def test_a_raw_id_gets_the_pseudonym_that_reading_the_log_gave_it(tmp_path: Path) -> None:
    given = hidden_id(tmp_path, "顾客-1")
    assert given == pseudonymise(pl.Series(["顾客-1"]), pseudonym_key(tmp_path, {}))[0]


def test_a_list_for_nobody_is_refused_before_anything_is_opened(tmp_path: Path) -> None:
    with pytest.raises(QueryError, match=r"--user.*--seen"):
        recommend(home=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_query_of_three_words_without_quotes_is_named(tmp_path: Path) -> None:
    with pytest.raises(QueryError, match="one QUERY, in quotes, and one PRODUCT, not 4 arguments"):
        explain(["red", "running", "shoes", "p1"], home=tmp_path)


def test_a_photo_of_an_explanation_must_be_readable(tmp_path: Path) -> None:
    with pytest.raises(QueryError, match=r"--image .*photo.png cannot be read"):
        explain(["p1"], image=tmp_path / "photo.png", home=tmp_path)
