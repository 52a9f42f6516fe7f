"""Full-text retrieval over the ranking stage's words."""

from mmsearch_dagster.core.ranking.lexical import StemmedBm25
from mmsearch_dagster.core.text.terms import read_terms
from tests.core.ranking.catalogue import ITEMS


def results_for(text: str, k: int = 5) -> list[str]:
    return [product for product, _ in StemmedBm25.of(ITEMS).search(read_terms(text), k)]


def test_stems_match_and_the_rarer_word_counts_more() -> None:
    assert results_for("shoe for running")[:2] in (["a", "b"], ["b", "a"])
    assert results_for("blue shoes")[0] == "a"


def test_only_products_with_a_word_of_the_query_are_results() -> None:
    assert set(results_for("bottles")) == {"c", "d"}
    assert results_for("the of") == results_for("unicorn") == []


def test_no_more_than_k_results() -> None:
    assert len(results_for("blue", k=2)) == 2
