"""How good a ranking is: one value per query first, their mean second.

Letters: `q` queries, `r` ranks of the longest answer, `j` judged products of the query with most.
Matrices of grades: `found` int [q, r] holds the grade at each rank (0 where the product is not judged or
the answer has ended), `ideal` int [q, j] holds all judged grades of the query, best first, 0 behind them.
A product is relevant from grade 1 on. A query without any relevant product scores 0 on every measure, as
in trec_eval, so every engine is measured on the same queries.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mmsearch_dagster.core.catalog.columns import QUERY_ID, VALUE
from mmsearch_dagster.core.errors import ConfigError, SourceError
from mmsearch_dagster.core.suggest import did_you_mean

METRIC = "metric"
DEFAULT = ("ndcg@10", "recall@1", "recall@10", "recall@50", "top1", "mrr", "map")
# A gain is 2^grade - 1: far above the contract's 3 it would drown every other product.
MAX_GRADE = 30

Grades = NDArray[np.int64]
Values = NDArray[np.float64]


def _dcg(grades: Grades) -> Values:
    discount = 1.0 / np.log2(np.arange(2, grades.shape[1] + 2))
    return (np.exp2(grades) - 1.0) @ discount


def _ratio(part: Values, whole: Values) -> Values:
    return np.divide(part, whole, out=np.zeros(len(part)), where=whole > 0)


def _relevant(ideal: Grades) -> Values:
    return (ideal > 0).sum(axis=1).astype(np.float64)


def ndcg(grades: Grades, ideal: Grades, k: int) -> Values:
    """Normalised discounted cumulative gain of the first `k`, [q].

    DCG@k = sum over ranks i <= k of (2^grade_i - 1) / log2(i + 1), divided by the DCG@k of the best
    order of all judged products (Burges et al., Learning to rank using gradient descent, ICML 2005).

    Judged 3 and 1, the answer has the 1 first and the 3 second:
    DCG = 1/1 + 7/log2(3) = 5.4165, ideal = 7/1 + 1/log2(3) = 7.6309.

    >>> ndcg(np.array([[1, 3]]), np.array([[3, 1]]), 10).round(4).tolist()
    [0.7098]

    Args:
        grades: grades of the ranked products, best rank first, [q, n].
        ideal: grades of all judged products, highest first, [q, m].
        k: depth.

    Returns:
        [q], 0 to 1.
    """
    return _ratio(_dcg(grades[:, :k]), _dcg(ideal[:, :k]))


def recall(grades: Grades, ideal: Grades, k: int) -> Values:
    """Share of the relevant products that are among the first `k`, [q].

    recall@k = |relevant in the first k| / |relevant| (Manning, Raghavan, Schütze, Introduction to
    Information Retrieval, chapter 8).

    Three relevant, one of them among the first two:

    >>> recall(np.array([[0, 2, 1]]), np.array([[2, 1, 1]]), 2).round(4).tolist()
    [0.3333]

    Args:
        grades: grades of the ranked products, best rank first, [q, n].
        ideal: grades of all judged products, highest first, [q, m].
        k: depth.

    Returns:
        [q], 0 to 1.
    """
    return _ratio((grades[:, :k] > 0).sum(axis=1).astype(np.float64), _relevant(ideal))


def top1(grades: Grades, ideal: Grades, k: int = 1) -> Values:
    """1 where one of the first `k` products has the best grade the query has, else 0, [q].

    Success@k of trec_eval with the query's best grade as the relevance level.

    The best grade is 3; the first query shows it first, the second a 2:

    >>> top1(np.array([[3, 2], [2, 3]]), np.array([[3, 2], [3, 2]])).tolist()
    [1.0, 0.0]

    Args:
        grades: grades of the ranked products, best rank first, [q, n].
        ideal: grades of all judged products, highest first, [q, m].
        k: depth.

    Returns:
        [q], 0 or 1.
    """
    best = ideal[:, :1]
    return ((grades[:, :k] == best) & (best > 0)).any(axis=1).astype(np.float64)


def reciprocal_rank(grades: Grades, ideal: Grades, k: int | None = None) -> Values:
    """1 / rank of the first relevant product among the first `k` (None: all), 0 where there is none, [q].

    Its mean is MRR (Voorhees, The TREC-8 question answering track report, 1999).

    >>> reciprocal_rank(np.array([[0, 0, 1], [0, 0, 0]]), np.array([[1], [1]])).round(4).tolist()
    [0.3333, 0.0]

    Args:
        grades: grades of the ranked products, best rank first, [q, n].
        ideal: not used; all metrics have the same arguments.
        k: depth, None for the whole list.

    Returns:
        [q], 0 to 1.
    """
    hit = grades[:, :k] > 0
    return np.where(hit.any(axis=1), 1.0 / (hit.argmax(axis=1) + 1.0), 0.0)


def average_precision(grades: Grades, ideal: Grades, k: int | None = None) -> Values:
    """Mean over all relevant products of the precision at their rank, 0 for those not found, [q].

    AP = 1/|relevant| * sum over relevant ranks i of |relevant in the first i| / i; its mean is MAP
    (Manning, Raghavan, Schütze, Introduction to Information Retrieval, chapter 8).

    Relevant at ranks 1 and 3, a third one not found: (1/1 + 2/3) / 3.

    >>> average_precision(np.array([[1, 0, 2]]), np.array([[2, 1, 1]])).round(4).tolist()
    [0.5556]

    Args:
        grades: grades of the ranked products, best rank first, [q, n].
        ideal: grades of all judged products, highest first, [q, m].
        k: not used; all metrics have the same arguments.

    Returns:
        [q], 0 to 1.
    """
    hit = grades[:, :k] > 0
    precision = hit.cumsum(axis=1) / np.arange(1, hit.shape[1] + 1)
    return _ratio((precision * hit).sum(axis=1), _relevant(ideal))


_MEASURES: dict[str, Callable[[Grades, Grades, int], Values]] = {
    "ndcg": ndcg,
    "recall": recall,
    "success": top1,
}
_WHOLE: dict[str, Callable[[Grades, Grades], Values]] = {
    "top1": top1,
    "mrr": reciprocal_rank,
    "map": average_precision,
}


def check_metric(name: str) -> str:
    """`name` when it can be measured: `ndcg@K`, `recall@K`, `success@K`, `top1`, `mrr` or `map`.

    Raises ConfigError naming the nearest known one.
    """
    stem, _, depth = name.partition("@")
    if name in _WHOLE or (stem in _MEASURES and depth.isascii() and depth.isdigit() and int(depth) > 0):
        return name
    hint = did_you_mean(name, DEFAULT)
    raise ConfigError(f"unknown metric '{name}', {hint} (ndcg@K, recall@K, success@K, top1, mrr, map)")


def measure(name: str, grades: Grades, ideal: Grades) -> Values:
    """Calls the metric of that name.

    Args:
        name: such as `ndcg@10`, `recall@50`, `mrr`.
        grades: grades of the ranked products, best rank first, [q, n].
        ideal: grades of all judged products, highest first, [q, m].

    Returns:
        One value per query, [q].

    Raises:
        ConfigError: there is no such metric.
    """
    stem, _, depth = check_metric(name).partition("@")
    return _MEASURES[stem](grades, ideal, int(depth)) if depth else _WHOLE[name](grades, ideal)


def _padded(rows: Sequence[Sequence[int]]) -> Grades:
    width = max(1, max((len(row) for row in rows), default=1))
    matrix = np.zeros((len(rows), width), dtype=np.int64)
    for padded, row in zip(matrix, rows, strict=True):
        padded[: len(row)] = row
    return np.maximum(matrix, 0)


def grade_matrices(
    ranked: Mapping[str, Sequence[str]], judged: Mapping[str, Mapping[str, int]], queries: Sequence[str]
) -> tuple[Grades, Grades]:
    """Grades of ranked products as matrices; a repeated product counts at its first rank only.

    Args:
        ranked: query id -> product ids, best first.
        judged: query id -> product id -> grade.
        queries: the ids of `q` judged queries.

    Returns:
        Grades in the order of the ranking [q, n], and in the best order [q, m]; both padded with zeros.

    Raises:
        SourceError: a grade is above MAX_GRADE.
    """
    ranked_grades = []
    for query in queries:
        grades = judged[query]
        ranked_grades.append([grades.get(product, 0) for product in dict.fromkeys(ranked.get(query, ()))])
    ideal = _padded([sorted(judged[query].values(), reverse=True) for query in queries])
    if ideal.size and ideal.max() > MAX_GRADE:
        worst = queries[int(ideal[:, 0].argmax())]
        raise SourceError(
            f"query '{worst}' has grade {ideal.max()}; grades go from 0 to 3: mend the judgments"
        )
    return _padded(ranked_grades), ideal


def per_query(
    ranked: Mapping[str, Sequence[str]],
    judged: Mapping[str, Mapping[str, int]],
    *,
    metrics: Sequence[str] = DEFAULT,
) -> pl.DataFrame:
    """Measures rankings query by query.

    Args:
        ranked: query id -> product ids, best first; the given order decides ties. A judged query without an
            answer scores 0; an answer without judgments is left out.
        judged: query id -> product id -> grade (0 or less: not relevant).
        metrics: names of metrics.

    Returns:
        One row per judged query and metric: `query_id`, `metric`, `value`; sorted by query id, metrics as
        given.

    Raises:
        ConfigError: there is no such metric.
        SourceError: a grade is impossible.
    """
    queries = sorted(judged)
    grades, ideal = grade_matrices(ranked, judged, queries)
    columns = [measure(name, grades, ideal) for name in metrics]
    return pl.DataFrame(
        {
            QUERY_ID: [query for query in queries for _ in metrics],
            METRIC: list(metrics) * len(queries),
            VALUE: np.stack(columns, axis=1).ravel() if columns else np.empty(0),
        },
        schema={QUERY_ID: pl.String, METRIC: pl.String, VALUE: pl.Float64},
    )


def means(values: pl.DataFrame) -> dict[str, float]:
    """Mean over queries of each metric.

    Args:
        values: what `per_query` returns.

    Returns:
        Metric -> mean, in the order of `values`.
    """
    grouped = values.group_by(METRIC, maintain_order=True).agg(pl.col(VALUE).mean())
    return dict(zip(grouped[METRIC].to_list(), grouped[VALUE].to_list(), strict=True))


def by_query(values: pl.DataFrame, metric: str) -> dict[str, float]:
    """The values of one metric.

    Args:
        values: what `per_query` returns.
        metric: its name.

    Returns:
        Query id -> value.
    """
    chosen = values.filter(pl.col(METRIC) == metric)
    return dict(zip(chosen[QUERY_ID].to_list(), chosen[VALUE].to_list(), strict=True))
