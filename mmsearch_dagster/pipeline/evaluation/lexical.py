"""Full-text search as the index will do it: a table of words only, by the same code."""

from mmsearch_dagster.adapters.lake.snapshots import Snapshot
from mmsearch_dagster.core.evaluation.judged_queries import LexicalSearch
from mmsearch_dagster.pipeline.workspace import Workspace


def lexical_search(workspace: Workspace, products: Snapshot) -> LexicalSearch:
    """Search over the words of these products; the table is made once per catalogue."""
    from mmsearch_dagster.adapters.index.index import SearchIndex
    from mmsearch_dagster.pipeline.features.index_rows import index_rows

    index = SearchIndex(str(workspace.paths.home / "evaluation_index"))
    pin = index.publish("words", products.digest, index_rows(products.table()), vector_column=None)
    pinned = index.open(pin.table, pin.tag)
    return lambda texts, depth: [
        [hit.product_id for hit in hits] for hits in pinned.lexical_batch(texts, depth)
    ]
