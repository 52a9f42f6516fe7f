"""Whether two samples of a column come from the same population: how sure it is, beside how large it is."""

import math
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

# The most frequent values of both samples together are counted by name: to choose them by one sample alone
# would find a difference that is none.
_VALUES = 20
# The chi-square approximation holds where so many are expected in each cell (Cochran 1954).
_EXPECTED = 5.0


@dataclass(frozen=True)
class ColumnTest:
    """kolmogorov_smirnov: the largest distance of the two distribution functions, NaN for names.
    chi_square: the statistic over the values' counts, NaN for numbers. p: chance of such a difference, or
    one in the share of missing values, in unchanged data; NaN where either sample is empty.
    """

    kolmogorov_smirnov: float
    chi_square: float
    p: float


def compare_columns(before: pl.Series, now: pl.Series) -> ColumnTest:
    """Compares two samples of one column.

    Numbers by the two-sample Kolmogorov-Smirnov test, other values by the chi-square test over their counts,
    missing ones apart, by the chi-square test over two shares; p is corrected for both tests.

    Args:
        before: values of the reference.
        now: values of today.

    Returns:
        The statistics and the p value.
    """
    if before.is_empty() or now.is_empty():
        return ColumnTest(math.nan, math.nan, math.nan)
    missing = _chi_square(_missing_counts(before, now))[1]
    if before.dtype.is_numeric():
        statistic, p = _kolmogorov_smirnov(before, now)
        return ColumnTest(statistic, math.nan, min(1.0, 2 * min(p, missing)))
    statistic, p = _chi_square(_value_counts(before, now))
    return ColumnTest(math.nan, statistic, min(1.0, 2 * min(p, missing)))


def _kolmogorov_smirnov(before: pl.Series, now: pl.Series) -> tuple[float, float]:
    from scipy.stats import ks_2samp

    numbers = [values.cast(pl.Float64).drop_nulls().drop_nans().to_numpy() for values in (before, now)]
    if not all(len(values) for values in numbers):
        return math.nan, 1.0
    statistic, p = tuple(ks_2samp(numbers[0], numbers[1], method="asymp"))
    return float(statistic), float(p)


def _chi_square(counts: NDArray[np.float64]) -> tuple[float, float]:
    """Statistic and p of a table [2, values] of counts; rare values are counted with the last, the others."""
    from scipy.stats import chi2_contingency

    expected = counts.sum(axis=0) * counts.sum(axis=1).min() / max(counts.sum(), 1.0)
    rare = expected < _EXPECTED
    rare[-1] = True
    table = np.column_stack([counts[:, ~rare], counts[:, rare].sum(axis=1, keepdims=True)])
    table = table[:, table.sum(axis=0) > 0]
    if table.shape[1] < 2:
        return 0.0, 1.0
    statistic, p, *_ = tuple(chi2_contingency(table))
    return float(statistic), float(p)


def _missing_counts(before: pl.Series, now: pl.Series) -> NDArray[np.float64]:
    nulls = [(values.null_count(), len(values)) for values in (before, now)]
    return np.array([[count, total - count, 0] for count, total in nulls], dtype=np.float64)


def _value_counts(before: pl.Series, now: pl.Series) -> NDArray[np.float64]:
    """Counts of the most frequent values in both samples, and of all others together."""
    texts = [values.drop_nulls().cast(pl.String) for values in (before, now)]
    counted = pl.concat(texts).rename("value").value_counts()
    names = counted.sort("count", "value", descending=[True, False]).head(_VALUES)["value"]
    rows = []
    for values in texts:
        counts = dict(values.value_counts().iter_rows())
        named = [counts.get(name, 0) for name in names]
        rows.append([*named, len(values) - sum(named)])
    return np.array(rows, dtype=np.float64)
