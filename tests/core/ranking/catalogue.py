"""Five products and what two retrievers say, for the tests of the ranking stage."""

from mmsearch_dagster.core.ranking.features import RankerInput
from mmsearch_dagster.core.ranking.item_table import ItemTable
from mmsearch_dagster.core.ranking.items import item_terms
from mmsearch_dagster.core.ranking.statistics import TermStatistics, statistics_of

ROWS = (
    {"product_id": "a", "title": "Blue running shoes", "category": "Shoes > Running", "price": 60.0},
    {"product_id": "b", "title": "Red running shoes", "category": "Shoes > Running", "price": 50.0},
    {"product_id": "c", "title": "Blue bottle 500 ml", "category": "Home > Bottles", "price": 10.0},
    {"product_id": "d", "title": "Blue bottle 750 ml", "category": "Home > Bottles", "price": None},
    {"product_id": "e", "title": "Linksys EZXS88W switch", "brand": "Linksys", "price": 30.0},
)
ITEMS = ItemTable.of({str(row["product_id"]): item_terms(row) for row in ROWS})
STATISTICS: TermStatistics = statistics_of(ITEMS.values())
LISTS = {
    "lexical": [("a", 4.0), ("b", 2.0)],
    "text": [("b", 0.9), ("c", 0.6), ("a", 0.3)],
}
GIVEN = RankerInput.of(LISTS, ITEMS)
