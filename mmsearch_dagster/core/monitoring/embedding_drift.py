"""How far a catalogue's vectors have moved, modality by modality, and which cannot be compared at all."""

from collections.abc import Collection
from dataclasses import asdict

import polars as pl

from mmsearch_dagster.core.modalities import COLLABORATIVE, ModalityBatch
from mmsearch_dagster.core.monitoring.drift import vector_drift

NOT_COMPARED = "not_compared"
_SCHEMA = {
    "modality": pl.String,
    **dict.fromkeys(("centroid", "outside", "share_before", "share_now"), pl.Float64),
    NOT_COMPARED: pl.String,
}


def embedding_drift(
    before: ModalityBatch, now: ModalityBatch, *, other_encoders: Collection[str] = ()
) -> pl.DataFrame:
    """One row per modality that either has. A product counts once, with the mean of its pictures.

    Args:
        before: the items of the past.
        now: the items of today, not necessarily the same ones.
        other_encoders: modalities whose vectors of today come from another encoder than those of the past.

    Returns:
        `modality`, the fields of `VectorDrift` (null where not compared), and `not_compared`: why a modality
        could not be compared, null where it was.
    """
    before, now = before.merged(), now.merged()
    names = [*before.vectors, *(name for name in now.vectors if name not in before.vectors)]
    rows = []
    for name in names:
        why = _not_comparable(name, before, now, other_encoders)
        rows.append({"modality": name, NOT_COMPARED: why} | (_measured(name, before, now) if not why else {}))
    return pl.DataFrame(rows, schema=_SCHEMA)


def _measured(name: str, before: ModalityBatch, now: ModalityBatch) -> dict[str, float]:
    return asdict(vector_drift(*((batch.vectors[name], batch.present[name]) for batch in (before, now))))


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
