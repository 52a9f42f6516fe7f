from pathlib import Path

import polars as pl
import pytest

from mmsearch_dagster.adapters.host.secret_key import pseudonym_key
from mmsearch_dagster.cli.people import NOT_BY_SCORE, explain, hidden_id, recommend, show_list
from mmsearch_dagster.core.catalog.pseudonyms import pseudonymise
from mmsearch_dagster.core.errors import QueryError
from mmsearch_dagster.serving.lists import Suggestion, Suggestions


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


@pytest.mark.parametrize(("scores", "explained"), [((0.9, 0.7, 0.8), True), ((0.9, 0.8, 0.8), False)])
def test_an_order_that_is_not_that_of_the_scores_is_explained(
    capsys: pytest.CaptureFixture[str], scores: tuple[float, ...], explained: bool
) -> None:
    hits = tuple(
        Suggestion(f"p{rank}", score, rank, {"title": "Cup"}) for rank, score in enumerate(scores, start=1)
    )
    show_list(Suggestions(hits, "taste", "", "r-1"), as_json=False)

    assert (NOT_BY_SCORE[:40] in capsys.readouterr().out) == explained
