"""Golden queries notice an index that lost words or vectors on the way."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from mmsearch_dagster.adapters.index.index import SearchIndex
from mmsearch_dagster.core.errors import QueryError
from mmsearch_dagster.core.gate.golden_queries import GoldenQuery
from mmsearch_dagster.core.retrieval.filters.language import to_where
from tests.catalogue_rows import catalogue, unit_rows

WORDS = GoldenQuery("red shoes", where=to_where('category ~ "Running Shoes"'), text="red shoes")
GONE = GoldenQuery("sold out", frozenset({"no-such-product"}), text="sold out")


def measured(rows: pl.DataFrame) -> list[GoldenQuery]:
    """Each product's vector, a little moved, finds the product."""
    near = unit_rows(60) + 0.05 * unit_rows(60, seed=3)
    ids = rows["product_id"]
    return [GoldenQuery(key, frozenset({key}), vector=vector) for key, vector in zip(ids, near, strict=True)]


def outcomes(
    folder: Path, published: pl.DataFrame, **golden: list[GoldenQuery]
) -> dict[str, dict[str, object]]:
    index = SearchIndex(str(folder))
    checks = index.check(index.publish("shop", "r", published), published, **golden)
    return {check.name: {"passed": check.passed, **check.figures} for check in checks}


def test_a_whole_index_answers_all_of_them(tmp_path: Path) -> None:
    rows = catalogue()
    found = outcomes(tmp_path, rows, reviewed=[WORDS, GONE], measured=measured(rows))
    assert all(one["passed"] for one in found.values()), found
    assert (found["golden_queries"]["found"], found["golden_queries"]["without_product"]) == (1, 1)
    assert found["measured_queries"]["found"] == found["measured_queries"]["asked"] == 60


def test_words_at_other_products_are_noticed_and_the_query_is_named(tmp_path: Path) -> None:
    """Each product has a title of its own, so that every title still finds its row."""
    rows = catalogue()
    broken = rows.with_columns(pl.lit("lamp").alias("search_text"))
    found = outcomes(tmp_path, broken, reviewed=[WORDS])
    assert found["golden_queries"]["passed"] is False
    assert found["golden_queries"]["missed"] == "'red shoes'"


def test_vectors_at_other_products_are_noticed_though_each_still_finds_its_own_row(tmp_path: Path) -> None:
    rows = catalogue()
    shifted = rows.with_columns(pl.Series("vector", np.roll(unit_rows(60), 30, axis=0)))
    found = outcomes(tmp_path, shifted, measured=measured(rows))
    assert {name for name, one in found.items() if not one["passed"]} == {"measured_queries"}


def test_a_few_measured_ones_may_be_missed_reviewed_ones_may_not(tmp_path: Path) -> None:
    rows = catalogue()
    lost = GoldenQuery("lost", frozenset({"p00001"}), text="desk lamp", within=1)
    found = outcomes(tmp_path, rows, reviewed=[WORDS, lost], measured=[*measured(rows), lost])
    assert {name for name, one in found.items() if not one["passed"]} == {"golden_queries"}


def test_a_shop_without_golden_queries_passes(tmp_path: Path) -> None:
    found = outcomes(tmp_path, catalogue())
    assert found["golden_queries"]["passed"] is found["measured_queries"]["passed"] is True


def test_a_condition_that_this_catalogue_cannot_be_asked_is_an_error(tmp_path: Path) -> None:
    unknown = GoldenQuery("mug", where=to_where('lang = "en"'), text="mug")
    with pytest.raises(QueryError, match="lang"):
        outcomes(tmp_path, catalogue(), reviewed=[unknown])
