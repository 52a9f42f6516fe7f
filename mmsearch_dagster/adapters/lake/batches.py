"""File format of query and item batches: vectors as safetensors, the rest as Parquet."""

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import polars as pl

from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.evaluation.judged_queries import JudgedQueries
from mmsearch_dagster.core.labels.provenance import stored_provenance
from mmsearch_dagster.core.modalities import ModalityBatch
from mmsearch_dagster.core.understanding.understood import QueryPart, Understood

_PRESENT = "present."
# What version 0.1 called `origin`.
_PROVENANCE, _ORIGIN = "provenance", "origin"
_KIND = "kind"
_CONFIDENCE = "confidence"
_TYPED = "typed"
_UNDERSTOOD = "understood"
_GRADES = "grades"


def save_batch(folder: Path, name: str, batch: ModalityBatch) -> None:
    """Write `name.safetensors` and the ids as `name.ids.parquet`."""
    from safetensors.numpy import save_file

    arrays = {key: np.ascontiguousarray(matrix) for key, matrix in batch.vectors.items()}
    masks = {f"{_PRESENT}{key}": mask.astype(np.uint8) for key, mask in batch.present.items()}
    save_file({**arrays, **masks}, folder / f"{name}.safetensors")
    pl.DataFrame({"id": list(batch.ids)}, schema={"id": pl.String}).write_parquet(
        folder / f"{name}.ids.parquet"
    )


def batch_exists(folder: Path, name: str) -> bool:
    """Whether `save_batch` wrote one of this name."""
    return (folder / f"{name}.ids.parquet").exists()


def load_batch(folder: Path, name: str) -> ModalityBatch:
    """What `save_batch` wrote."""
    from safetensors.numpy import load_file

    arrays = load_file(folder / f"{name}.safetensors")
    ids = pl.read_parquet(folder / f"{name}.ids.parquet")["id"].to_list()
    vectors = {key: matrix for key, matrix in arrays.items() if not key.startswith(_PRESENT)}
    present = {key: arrays[f"{_PRESENT}{key}"].astype(bool) for key in vectors}
    return ModalityBatch(tuple(ids), vectors, present)


def save_queries(folder: Path, name: str, queries: JudgedQueries) -> None:
    """Write a set of queries with their grades as `name.*`."""
    save_batch(folder, name, queries.batch)
    rows = {
        col.QUERY_ID: list(queries.batch.ids),
        col.QUERY_TEXT: list(queries.texts),
        _PROVENANCE: list(queries.provenance),
        _KIND: [queries.kinds[key] for key in queries.batch.ids],
        _CONFIDENCE: [queries.confidence.get(key) for key in queries.batch.ids],
        _TYPED: [queries.typed.get(key) for key in queries.batch.ids],
        _UNDERSTOOD: [_understood_text(queries.understood.get(key)) for key in queries.batch.ids],
        col.PRODUCT_ID: [list(queries.grades.get(key, {})) for key in queries.batch.ids],
        _GRADES: [list(queries.grades.get(key, {}).values()) for key in queries.batch.ids],
    }
    schema = {
        col.QUERY_ID: pl.String,
        col.QUERY_TEXT: pl.String,
        _PROVENANCE: pl.String,
        _KIND: pl.String,
        _CONFIDENCE: pl.Float64,
        _TYPED: pl.String,
        _UNDERSTOOD: pl.String,
        col.PRODUCT_ID: pl.List(pl.String),
        _GRADES: pl.List(pl.Int64),
    }
    pl.DataFrame(rows, schema=schema).write_parquet(folder / f"{name}.parquet")


def load_queries(folder: Path, name: str) -> JudgedQueries:
    """What `save_queries` wrote."""
    table = pl.read_parquet(folder / f"{name}.parquet")
    graded = table.select(col.QUERY_ID, col.PRODUCT_ID, _GRADES).iter_rows()
    # Champions of before it was kept are still compared by their queries.
    provenance = _PROVENANCE if _PROVENANCE in table.columns else _ORIGIN
    typed, understood = (
        name if name in table.columns else pl.lit(None, pl.String).alias(name)
        for name in (_TYPED, _UNDERSTOOD)
    )
    read = table.select(col.QUERY_ID, understood).drop_nulls().iter_rows()
    return JudgedQueries(
        batch=load_batch(folder, name),
        texts=tuple(table[col.QUERY_TEXT].to_list()),
        provenance=tuple(stored_provenance(name) for name in table[provenance]),
        kinds=dict(table.select(col.QUERY_ID, _KIND).iter_rows()),
        confidence=dict(table.select(col.QUERY_ID, _CONFIDENCE).drop_nulls().iter_rows()),
        typed=dict(table.select(col.QUERY_ID, typed).drop_nulls().iter_rows()),
        understood={key: _understood_of(text) for key, text in read},
        grades={key: dict(zip(products, grades, strict=True)) for key, products, grades in graded},
    )


def _understood_text(understood: Understood | None) -> str | None:
    return None if understood is None else json.dumps(asdict(understood), ensure_ascii=False)


def _understood_of(text: str) -> Understood:
    stored = json.loads(text)
    parts = tuple(QueryPart(**part) for part in stored.pop("parts"))
    expansions, product_ids = (tuple(stored.pop(name)) for name in ("expansions", "product_ids"))
    return Understood(**stored, parts=parts, expansions=expansions, product_ids=product_ids)
