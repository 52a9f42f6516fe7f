"""Variants of a product: what they take over, who names them, and how they are shown once."""

import polars as pl

from mmsearch_dagster.core.catalog.casting.cast_table import cast_rows
from mmsearch_dagster.core.catalog.columns import HIDDEN
from mmsearch_dagster.core.catalog.variants import (
    HIDDEN_PRODUCT,
    STANDS_FOR_VARIANTS,
    naming_variants,
    with_parents,
)
from mmsearch_dagster.core.retrieval.variant_groups import VariantFacts, VariantGroups


def products(*rows: dict[str, object]) -> pl.DataFrame:
    raw = pl.DataFrame(list(rows), infer_schema_length=None)
    raw = raw.with_columns(pl.lit("p.csv").alias("_source"), pl.int_range(pl.len()).alias("_row"))
    return cast_rows(raw.lazy(), "products").collect()


class TestTheRowOfAProduct:
    ROWS = (
        {
            "product_id": "S",
            "title": "Shirt",
            "brand": "Nord",
            "price": "20",
            "attributes": "fabric=wool,size=all",
        },
        {"product_id": "S-1", "title": None, "price": "25", "attributes": "size=M", "parent_id": "S"},
        {"product_id": "S-2", "title": "Shirt large", "attributes": "size=L", "parent_id": "S"},
        {"product_id": "H", "title": "Hat"},
        {"product_id": "X-1", "title": "Orphan", "parent_id": "X"},
    )

    def test_its_variants_take_over_what_they_lack_and_it_goes(self) -> None:
        rows, left_out = with_parents(products(*self.ROWS))
        read = {row["product_id"]: row for row in rows.to_dicts()}
        assert list(read) == ["S-1", "S-2", "H", "X-1"]
        assert (read["S-1"]["title"], read["S-1"]["brand"], read["S-1"]["price"]) == ("Shirt", "Nord", 25.0)
        assert (read["S-2"]["title"], read["S-2"]["price"]) == ("Shirt large", 20.0)
        pairs = {pair["key"]: pair["value"] for pair in read["S-1"]["attributes"]}
        assert pairs == {"fabric": "wool", "size": "M"}
        assert left_out == {STANDS_FOR_VARIANTS: 1}

    def test_where_it_is_hidden_its_variants_are_too(self) -> None:
        """A variant by itself may be hidden: it is shown by its product."""
        hidden = pl.Series(HIDDEN, [True, False, True, False, True])
        rows, left_out = with_parents(products(*self.ROWS).with_columns(hidden))
        assert rows["product_id"].to_list() == ["H"]
        assert left_out == {STANDS_FOR_VARIANTS: 1, HIDDEN_PRODUCT: 3}
        rows, _ = with_parents(products(*self.ROWS).with_columns(pl.Series(HIDDEN, [False, *[True] * 4])))
        assert rows["product_id"].to_list() == ["S-1", "S-2"]


class TestRowsThatNameAParent:
    CATALOGUE = pl.DataFrame({"product_id": ["a2", "a1", "b"], "parent_id": ["A", "A", None]})
    ROWS = pl.DataFrame({"product_id": ["A", "b", "a2", "?"], "n": [1, 2, 3, 4]})

    def test_a_judgment_holds_for_all_its_variants(self) -> None:
        rows = naming_variants(self.ROWS, self.CATALOGUE, each=True).rows()
        assert rows == [("a1", 1), ("a2", 1), ("b", 2), ("a2", 3), ("?", 4)]

    def test_an_event_happened_once(self) -> None:
        rows = naming_variants(self.ROWS, self.CATALOGUE, each=False).rows()
        assert rows == [("a1", 1), ("b", 2), ("a2", 3), ("?", 4)]

    def test_a_catalogue_of_before_has_no_parents(self) -> None:
        old = self.CATALOGUE.drop("parent_id")
        assert naming_variants(self.ROWS, old, each=True).equals(self.ROWS)


class TestGroups:
    GROUPS = VariantGroups.of(
        [
            {"product_id": "a1", "parent_id": "A", "price": 9.0},
            {"product_id": "a2", "parent_id": "A", "price": None},
            {"product_id": "a3", "parent_id": "A", "price": 7.5},
            {"product_id": "b", "parent_id": "B", "price": 1.0},
            {"product_id": "c"},
        ]
    )

    def test_of_each_product_the_best_variant_is_in_front(self) -> None:
        ranked = [("c", 4.0), ("a2", 3.0), ("b", 2.5), ("a1", 2.0), ("?", 1.0)]
        assert self.GROUPS.first_of_each(ranked) == [("c", 4.0), ("a2", 3.0), ("b", 2.5), ("?", 1.0)]

    def test_prices_are_a_range_over_all_variants(self) -> None:
        assert self.GROUPS.facts_of("a2") == VariantFacts(count=3, price_from=7.5, price_to=9.0)
        assert self.GROUPS.facts_of("b") is None, "a single variant is a product"

    def test_figures_are_of_products(self) -> None:
        assert self.GROUPS.ranking(["a3", "c", "a1", "b"]) == ["A", "c", "b"]
        assert self.GROUPS.grades({"a1": 1, "a2": 3, "c": 2}) == {"A": 3, "c": 2}
