"""How far a catalogue's vectors have moved, modality by modality, and which cannot be compared at all."""

from collections.abc import Collection, Mapping
from dataclasses import asdict

import polars as pl

from mmsearch_dagster.core.metrics.multiple_testing import holm
from mmsearch_dagster.core.modalities import COLLABORATIVE, ModalityBatch
from mmsearch_dagster.core.monitoring.drift import unit, vector_drift
from mmsearch_dagster.core.monitoring.finding import EMBEDDING, Finding
from mmsearch_dagster.core.monitoring.policy import MonitoringPolicy
from mmsearch_dagster.core.monitoring.vector_tests import (
    category_shift,
    classifier_test,
    maximum_mean_discrepancy,
)

NOT_COMPARED = "not_compared"
_SCHEMA = {
    "modality": pl.String,
    **dict.fromkeys(("centroid", "outside", "share_before", "share_now"), pl.Float64),
    **dict.fromkeys(("mmd", "mmd_p", "auc", "auc_p"), pl.Float64),
    "category": pl.String,
    **dict.fromkeys(("category_shift", "category_p"), pl.Float64),
    NOT_COMPARED: pl.String,
}
_P_VALUES = ("mmd_p", "auc_p", "category_p")
Categories = Mapping[str, str]


def embedding_drift(
    before: ModalityBatch,
    now: ModalityBatch,
    *,
    categories: tuple[Categories, Categories] = ({}, {}),
    other_encoders: Collection[str] = (),
) -> pl.DataFrame:
    """One row per modality that either has. A product counts once, with the mean of its pictures.

    Args:
        before: the items of the past.
        now: the items of today, not necessarily the same ones.
        categories: product id -> category, of both; a product without one counts in no category.
        other_encoders: modalities whose vectors of today come from another encoder than those of the past.

    Returns:
        `modality`, the fields of `VectorDrift`, statistic and p of the tests of `vector_tests` (null where
        not compared; p adjusted by Holm over all tests), the category that moved the most, and
        `not_compared`: why a modality could not be compared, null where it was.
    """
    before, now = before.merged(), now.merged()
    names = [*before.vectors, *(name for name in now.vectors if name not in before.vectors)]
    rows = []
    for name in names:
        why = _not_comparable(name, before, now, other_encoders)
        measured = {} if why else _moved(name, before, now) | _tested(name, before, now, categories)
        rows.append({"modality": name, NOT_COMPARED: why} | measured)
    return _adjusted(pl.DataFrame(rows, schema=_SCHEMA))


def embedding_findings(table: pl.DataFrame, policy: MonitoringPolicy) -> list[Finding]:
    """What moved: beyond its bound, and surely so by the test that goes with the figure.

    Args:
        table: what `embedding_drift` returns.
        policy: the bounds.

    Returns:
        A finding per modality and figure.
    """
    findings = []
    for row in table.filter(pl.col(NOT_COMPARED).is_null()).iter_rows(named=True):
        figures = (
            ("1 - cosine of the means", row["centroid"], policy.centroid, row["mmd_p"]),
            ("share outside", row["outside"], policy.outside, row["mmd_p"]),
            ("AUC", row["auc"], policy.auc, row["auc_p"]),
            (f"shift of {row['category']}", row["category_shift"], policy.category, row["category_p"]),
        )
        findings += [
            Finding(EMBEDDING, row["modality"], measure, value, bound, p)
            for measure, value, bound, p in figures
            if value >= bound and p < policy.significance
        ]
    return findings


def _adjusted(table: pl.DataFrame) -> pl.DataFrame:
    values = [value for name in _P_VALUES for value in table[name].fill_null(float("nan"))]
    adjusted, rows = holm(values), table.height
    columns = [
        pl.Series(name, adjusted[n * rows : (n + 1) * rows], dtype=pl.Float64)
        for n, name in enumerate(_P_VALUES)
    ]
    return table.with_columns(
        pl.when(pl.col(NOT_COMPARED).is_null()).then(column).alias(column.name) for column in columns
    )


def _moved(name: str, before: ModalityBatch, now: ModalityBatch) -> dict[str, float]:
    return asdict(vector_drift(*((batch.vectors[name], batch.present[name]) for batch in (before, now))))


def _tested(
    name: str, before: ModalityBatch, now: ModalityBatch, categories: tuple[Categories, Categories]
) -> dict[str, str | float]:
    """The three tests on the vectors that are there, scaled to length 1."""
    sides = [(unit(batch.vectors[name][batch.present[name]]), batch) for batch in (before, now)]
    vectors = [matrix.astype("float32") for matrix, _ in sides]
    named = [
        [lookup.get(key, "") for key, has in zip(batch.ids, batch.present[name], strict=True) if has]
        for (_, batch), lookup in zip(sides, categories, strict=True)
    ]
    mmd, classifier = maximum_mean_discrepancy(*vectors), classifier_test(*vectors)
    category, shift = category_shift((vectors[0], named[0]), (vectors[1], named[1]))
    return {
        **{"mmd": mmd.statistic, "mmd_p": mmd.p, "auc": classifier.statistic, "auc_p": classifier.p},
        **{"category": category, "category_shift": shift.statistic, "category_p": shift.p},
    }


def _not_comparable(
    name: str, before: ModalityBatch, now: ModalityBatch, other_encoders: Collection[str]
) -> str | None:
    """The first reason against a comparison."""
    if name == COLLABORATIVE:
        return "each learning of the factors turns their axes"
    if name not in before.vectors or not before.present[name].any():
        return "no product had such a vector"
    if name not in now.vectors or not now.present[name].any():
        return "no product has such a vector any more"
    if name in other_encoders:
        return "another encoder makes them now"
    if before.widths[name] != now.widths[name]:
        return f"vectors of {before.widths[name]:,} numbers have become vectors of {now.widths[name]:,}"
    return None
