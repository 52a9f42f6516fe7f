"""Pairs of queries and products for a person to grade, and the grades on their way into the next run."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from mmsearch_dagster.adapters.lake.snapshots import write_atomically
from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.labels.active import label_requests
from mmsearch_dagster.core.labels.provenance import JUDGED, REVIEW
from mmsearch_dagster.core.retrieval.rank_fusion import KINDS_IN_OTHER_SCRIPTS, WORDS
from mmsearch_dagster.pipeline.ingest.labels import COLUMNS, read_labels
from mmsearch_dagster.pipeline.training import examples
from mmsearch_dagster.pipeline.training.queries import VALIDATION
from mmsearch_dagster.pipeline.workspace import Workspace

if TYPE_CHECKING:
    from mmsearch_dagster.serving.engine import Engine

_DEPTH = 10


@dataclass(frozen=True)
class _Queries:
    """Validation queries of words alone, but for sentences of reviews.

    texts: id -> text. graded: id -> product -> grade of what people judged.
    """

    texts: dict[str, str]
    graded: dict[str, dict[str, int]]


def pairs_to_label(workspace: Workspace, engine: "Engine", *, limit: int) -> pl.DataFrame:
    """The pairs whose grade would narrow the gate's interval most: released engine against full-text search.

    Args:
        workspace: home with training examples.
        engine: the released one.
        limit: how many pairs at most.

    Returns:
        `query_id`, `query_text`, `product_id`, `title`, `grade` (empty), `split`; a query's pairs together.
    """
    from mmsearch_dagster.core.retrieval.query import Query

    queries = _validation_queries(workspace)
    words_alone = [Query(text=text, query_id=key) for key, text in queries.texts.items()]
    answers = engine.search_batch(words_alone, k=_DEPTH)
    ranked = {answer.query_id: [hit.product_id for hit in answer.hits] for answer in answers}
    words = engine.table.lexical_batch(list(queries.texts.values()), _DEPTH)
    lexical = {key: [hit.product_id for hit in hits] for key, hits in zip(queries.texts, words, strict=True)}
    requests = label_requests(ranked, lexical, queries.graded, limit=limit)
    in_order = {key: row for row, key in enumerate(dict.fromkeys(pair.query_id for pair in requests))}
    titles = dict(workspace.lake.current("products").table().select(col.PRODUCT_ID, col.TITLE).iter_rows())
    rows = [
        {
            col.QUERY_ID: pair.query_id,
            col.QUERY_TEXT: queries.texts[pair.query_id],
            col.PRODUCT_ID: pair.product_id,
            col.TITLE: titles.get(pair.product_id),
            col.GRADE: None,
            col.SPLIT: VALIDATION,
        }
        for pair in sorted(requests, key=lambda pair: in_order[pair.query_id])
    ]
    return pl.DataFrame(rows, schema=dict.fromkeys((*COLUMNS[:3], col.TITLE, *COLUMNS[3:]), pl.String))


def _validation_queries(workspace: Workspace) -> _Queries:
    from mmsearch_dagster.adapters.lake.batches import load_queries

    stored = load_queries(workspace.lake.current(examples.ASSET).folder, VALIDATION)
    judged = workspace.lake.current("queries").table()
    judged_texts = set(judged[col.QUERY_TEXT].drop_nulls().str.to_lowercase())
    texts: dict[str, str] = {}
    for key, text, provenance in zip(stored.batch.ids, stored.texts, stored.provenance, strict=True):
        if text is None or key in stored.typed or stored.kinds[key] not in (WORDS, *KINDS_IN_OTHER_SCRIPTS):
            continue
        if provenance == JUDGED:
            texts[key] = text
        elif provenance != REVIEW and text.lower() not in judged_texts:
            texts[f"label:{text}"] = text
    graded: dict[str, dict[str, int]] = {}
    for key, product, grade in judged.select(col.QUERY_ID, col.PRODUCT_ID, col.GRADE).iter_rows():
        graded.setdefault(key, {})[product] = grade
    return _Queries(texts, graded)


def import_labels(workspace: Workspace, file: Path) -> int:
    """Add the grades in `file` to those of the home; the last grade of a pair counts.

    Returns:
        How many grades the file has.
    """
    graded, kept = read_labels(file), workspace.paths.labels
    earlier: Sequence[pl.DataFrame] = [read_labels(kept)] if kept.is_file() else []
    merged = pl.concat([*earlier, graded]).unique(
        [col.QUERY_ID, col.PRODUCT_ID], keep="last", maintain_order=True
    )
    if not graded.is_empty():
        write_atomically(kept, merged.write_csv().encode("utf-8"))
    return graded.height
