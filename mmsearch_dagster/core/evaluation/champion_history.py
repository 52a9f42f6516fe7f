"""A champion that cannot be run again, compared by the stored values of its own evaluation."""

from collections.abc import Mapping

import polars as pl

from mmsearch_dagster.core.evaluation.comparison import ENGINE
from mmsearch_dagster.core.evaluation.judged_queries import JudgedQueries
from mmsearch_dagster.core.retrieval.rank_fusion import VOICE

STORED_CHAMPION = "champion, remembered"


def stored_champion_values(
    values: pl.DataFrame, then: JudgedQueries, now: JudgedQueries, metric: str
) -> pl.DataFrame | None:
    """The champion's stored metrics, where they were measured on the queries of today.

    Args:
        values: `query_id`, `branch`, `kind`, `metric`, `value` of the champion's evaluation on `then`.
        then: the judged queries of that evaluation.
        now: the judged queries of today.
        metric: every query needs a value of this metric.

    Returns:
        The released engine's rows, named STORED_CHAMPION; None unless both sets have the same ids, kinds,
        typed words and grades.
    """
    if _content_of(then) != _content_of(now):
        return None
    engine = values.filter(pl.col("branch") == ENGINE)
    measured = engine.filter((pl.col("metric") == metric) & pl.col("value").is_finite())["query_id"]
    if not now.grades or set(measured) != set(now.grades):
        return None
    return engine.with_columns(branch=pl.lit(STORED_CHAMPION))


def _content_of(queries: JudgedQueries) -> tuple[Mapping[str, object], ...]:
    """Kinds, grades and words as typed; transcripts are left out, since they depend on the recogniser."""
    words = zip(queries.batch.ids, queries.texts, strict=True)
    typed = {key: text for key, text in words if VOICE not in queries.kinds[key]}
    return dict(queries.kinds), dict(queries.grades), typed
