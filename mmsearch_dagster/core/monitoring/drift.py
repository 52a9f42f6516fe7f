"""How far a table or a set of vectors has moved from what it was."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.metrics.multiple_testing import holm
from mmsearch_dagster.core.modalities import Mask, Matrix
from mmsearch_dagster.core.monitoring.column_tests import compare_columns
from mmsearch_dagster.core.monitoring.finding import DATA, Finding
from mmsearch_dagster.core.monitoring.policy import MonitoringPolicy

MISSING_BEFORE, MISSING_NOW, P = "missing before", "missing now", "p"

_BINS = 10
# Rarer values are one bin together: a long tail of brands is no drift.
_VALUES = 20
_MISSING = "(missing)"
_OTHERS = "(others)"
# Keeps the logarithm finite where a bin is empty on one side.
_PSEUDO_COUNT = 0.5
_SCHEMA = {
    "column": pl.String,
    **dict.fromkeys(
        ("stability", MISSING_BEFORE, MISSING_NOW, "kolmogorov-smirnov", "chi-square", P), pl.Float64
    ),
}


@dataclass(frozen=True)
class VectorDrift:
    """centroid: 1 - cosine of the means. outside: share of new vectors beyond 99 % of the old ones.

    share_before, share_now: of the products that have such a vector. NaN where there is nothing to measure.
    """

    centroid: float
    outside: float
    share_before: float
    share_now: float


def population_stability_index(before: pl.Series, now: pl.Series) -> float:
    """Population stability index (PSI): sum over bins of (p - q) ln(p / q), p now and q before.

    Numbers are binned by the deciles of `before`, other values by name, missing ones apart. Source: Siddiqi,
    Credit Risk Scorecards, Wiley 2006 (0.1 and 0.25 are its customary bounds).

    Args:
        before: values of the reference.
        now: values of today.

    Returns:
        0 or more; NaN when either is empty.

    >>> population_stability_index(pl.Series(["a", "b"] * 50), pl.Series(["b", "a"] * 30))
    0.0
    """
    if before.is_empty() or now.is_empty():
        return float("nan")
    named = pl.DataFrame({"bin": pl.concat([_bins(before, before), _bins(now, before)])}).with_columns(
        then=np.arange(len(before) + len(now)) < len(before)
    )
    counts = named.group_by("bin").agg(pl.col("then").sum().alias("q"), (~pl.col("then")).sum().alias("p"))
    q, p = (counts[name].to_numpy().astype(np.float64) + _PSEUDO_COUNT for name in ("q", "p"))
    q, p = q / q.sum(), p / p.sum()
    return round(float(((p - q) * np.log(p / q)).sum()), 6) + 0.0


def _bins(values: pl.Series, reference: pl.Series) -> pl.Series:
    """Each value's bin, as a text."""
    if values.dtype.is_numeric():
        numbers = reference.cast(pl.Float64).drop_nulls().drop_nans().to_numpy()
        edges = np.unique(np.quantile(numbers, np.linspace(0, 1, _BINS + 1)[1:-1])) if len(numbers) else []
        bin_of = np.searchsorted(edges, values.cast(pl.Float64).fill_null(np.nan).to_numpy(), side="left")
        return pl.select(
            pl.when(values.is_null()).then(pl.lit(_MISSING)).otherwise(pl.Series(bin_of).cast(pl.String))
        ).to_series()
    often = reference.drop_nulls().cast(pl.String).value_counts(sort=True).head(_VALUES)
    texts = values.cast(pl.String)
    kept = pl.select(
        pl.when(texts.is_null())
        .then(pl.lit(_MISSING))
        .when(texts.is_in(often.to_series(0).implode()))
        .then(texts)
        .otherwise(pl.lit(_OTHERS))
    )
    return kept.to_series()


def table_drift(before: pl.DataFrame, now: pl.DataFrame) -> pl.DataFrame:
    """How every column that both tables have differs.

    Args:
        before: the reference.
        now: the table of today.

    Returns:
        One row per column: `column`, `stability` (the population stability index), share missing before and
        now, the statistics of `column_tests.ColumnTest`, and `p`, adjusted by Holm over the columns.
    """
    rows = [_column_drift(name, before[name], now[name]) for name in before.columns if name in now.columns]
    return with_adjusted(pl.DataFrame(rows, schema=_SCHEMA))


def _column_drift(name: str, before: pl.Series, now: pl.Series) -> dict[str, str | float]:
    test = compare_columns(before, now)
    return {
        "column": name,
        "stability": population_stability_index(before, now),
        MISSING_BEFORE: _missing(before),
        MISSING_NOW: _missing(now),
        "kolmogorov-smirnov": round(test.kolmogorov_smirnov, 4),
        "chi-square": round(test.chi_square, 4),
        P: test.p,
    }


def with_adjusted(table: pl.DataFrame) -> pl.DataFrame:
    """The table with its `p` adjusted by Holm over its rows."""
    return table.with_columns(pl.Series(P, holm(table[P].to_list()), dtype=pl.Float64))


def _missing(values: pl.Series) -> float:
    return round(values.null_count() / len(values), 4) if len(values) else float("nan")


def product_traits(products: pl.DataFrame) -> pl.DataFrame:
    """What may drift in a catalogue: categories, prices, languages, and how complete the products are.

    Args:
        products: rows of the products table.

    Returns:
        One row per product.
    """
    return products.select(
        top_category().alias("top category"),
        *(col.BRAND, col.PRICE, col.CURRENCY, col.LANG, col.IN_STOCK),
        pl.col(col.TITLE).str.split(" ").list.len().alias("words in the title"),
        pl.col(col.DESCRIPTION).str.len_chars().fill_null(0).alias("letters in the description"),
        pl.col(col.IMAGE_URIS).list.len().fill_null(0).alias("pictures"),
    )


def top_category() -> pl.Expr:
    """The first level of a product's category path."""
    return pl.col(col.CATEGORY).str.split(col.CATEGORY_SEPARATOR.strip()).list.first().str.strip_chars()


def event_traits(events: pl.DataFrame) -> pl.DataFrame:
    """What may drift in a behaviour log: what people do, where on the page, when.

    Args:
        events: rows of the events table.

    Returns:
        One row per event.
    """
    return events.select(
        col.ACTION,
        col.POSITION,
        col.VARIANT,
        pl.col(col.TIMESTAMP).dt.hour().cast(pl.String).alias("hour (UTC)"),
    )


def vector_drift(before: tuple[Matrix, Mask], now: tuple[Matrix, Mask]) -> VectorDrift:
    """Compares two sets of vectors of the same width.

    Args:
        before: float32 [n, width] and bool [n]: which rows have a vector.
        now: the same, of today.

    Returns:
        How far the centre moved, the share of vectors outside the former range, and the shares present.
    """
    (old, had), (new, has) = before, now
    shares = [round(float(mask.mean()), 4) if len(mask) else float("nan") for mask in (had, has)]
    old, new = unit(old[had]), unit(new[has])
    if not len(old) or not len(new):
        return VectorDrift(float("nan"), float("nan"), shares[0], shares[1])
    middle = unit(old.mean(axis=0, keepdims=True))[0]
    moved = 1.0 - float(middle @ unit(new.mean(axis=0, keepdims=True))[0])
    bound = np.quantile(old @ middle, 0.01, method="lower")
    outside = float((new @ middle < bound).mean())
    return VectorDrift(round(max(moved, 0.0), 6), round(outside, 4), shares[0], shares[1])


def unit(matrix: NDArray[np.floating]) -> NDArray[np.float64]:
    """Each row scaled to length 1.

    Args:
        matrix: [n, width].

    Returns:
        [n, width]; a row of zeros stays one.
    """
    rows = matrix.astype(np.float64)
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)


def data_findings(table: pl.DataFrame, policy: MonitoringPolicy) -> list[Finding]:
    """What drifted in a table: beyond its bound, and surely so.

    Args:
        table: what `table_drift` returns.
        policy: the bounds.

    Returns:
        A finding per column and figure.
    """
    sure = table.filter(pl.col(P).is_not_nan() & (pl.col(P) < policy.significance))
    findings = []
    for row in sure.iter_rows(named=True):
        change = abs(row[MISSING_NOW] - row[MISSING_BEFORE])
        figures = (("PSI", row["stability"], policy.stability), ("missing share", change, policy.missing))
        findings += [
            Finding(DATA, row["column"], measure, value, bound, row[P])
            for measure, value, bound in figures
            if value >= bound
        ]
    return findings
