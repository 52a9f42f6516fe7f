"""A new encoder beside the released one: the catalogue is encoded part by part, the old release serves."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import yaml

from mmsearch_dagster.adapters.lake.snapshots import write_atomically
from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.encoders.named_encoder import encoder_named
from mmsearch_dagster.core.encoders.protocol import EncoderSpec
from mmsearch_dagster.core.errors import ConfigError
from mmsearch_dagster.core.media.file_names import spellings
from mmsearch_dagster.core.metrics.answer_overlap import Overlap, answer_overlap
from mmsearch_dagster.core.presets import RunPreset
from mmsearch_dagster.core.retrieval.query import Query
from mmsearch_dagster.core.retrieval.variant_groups import VariantGroups
from mmsearch_dagster.core.yaml_text import load_yaml
from mmsearch_dagster.pipeline.evaluation import files
from mmsearch_dagster.pipeline.features.encode import encode_part
from mmsearch_dagster.pipeline.workspace import Workspace
from mmsearch_dagster.settings import read_reviewed

if TYPE_CHECKING:
    from mmsearch_dagster.serving.engine import Engine

# Seconds of work: a run that waits for a part is not kept waiting long.
PART_ROWS = 500
_COMPARED = 60
_DEPTH = 10


@dataclass(frozen=True)
class EncodedPart:
    """One part of the catalogue in the new space. encoded: now; reused: from an earlier try."""

    number: int
    parts: int
    encoded: int
    reused: int
    failed: int


def propose_encoder(workspace: Workspace, modality: str, name: str) -> Path:
    """Writes the preset of this home with another encoder, and returns its file. Changes nothing else.

    Args:
        workspace: the home as it runs now.
        modality: of the encoder that is replaced.
        name: `LIBRARY:MODEL`, or a block of encoders.yaml.

    Raises:
        ConfigError: the encoder is unknown, is not installed, or is the one in use already.
    """
    file = workspace.assets / "encoders.yaml"
    blocks = load_yaml(read_reviewed(file, "encoders"), f"encoders {file}") if file.exists() else {}
    spec = encoder_named(modality, name, blocks)
    used = workspace.encoder(modality)
    if used is not None and workspace.identity(spec).fingerprint == workspace.identity(used).fingerprint:
        raise ConfigError(f"{name} is the {modality} encoder of this home already: nothing to do")
    preset = workspace.preset.with_encoder(spec)
    document = preset.model_dump(mode="json", exclude_none=True)
    proposal = workspace.paths.upgrade_preset
    write_atomically(proposal, yaml.safe_dump(document, sort_keys=False, allow_unicode=True).encode("utf-8"))
    return proposal


def changed_encoders(preset: RunPreset, proposed: RunPreset) -> list[EncoderSpec]:
    """Encoders of a proposal that the preset does not have."""
    return [spec for spec in proposed.encoders if spec not in preset.encoders]


def encode_parts(
    workspace: Workspace,
    spec: EncoderSpec,
    *,
    rows: int = PART_ROWS,
    locked: Callable[[], AbstractContextManager[object]] = nullcontext,
) -> Iterator[EncodedPart]:
    """Encodes the current products part by part; what an earlier try has encoded is used again.

    Args:
        workspace: with products.
        spec: the new encoder, loaded once for all parts.
        rows: products of a part.
        locked: around each part.
    """
    products = workspace.lake.current("products").table().sort(col.PRODUCT_ID)
    slices, load = list(products.iter_slices(rows)), cache(workspace.loader(spec))
    for number, part in enumerate(slices, start=1):
        with locked():
            counts = encode_part(workspace, spec, part, load)
        yield EncodedPart(number, len(slices), *counts)


def sample_answers(engine: "Engine", queries: Sequence[Query]) -> Mapping[str, list[str]]:
    """Query id -> the first products that an engine answers."""
    answers = engine.search_batch(queries, k=_DEPTH)
    return {answer.query_id: [hit.product_id for hit in answer.hits] for answer in answers}


def evaluated_overlap(workspace: Workspace, answers: Mapping[str, Sequence[str]]) -> Overlap | None:
    """How alike the engine of the last evaluation answers, whether it was released or not.

    Args:
        workspace: the home.
        answers: of the released engine, as `sample_answers` returns them.

    Returns:
        The overlap over products, variants of one counted as one; None where no query is common.
    """
    file = workspace.lake.current(files.ASSET).folder / files.ANSWERS
    if not file.exists():  # an evaluation of before they were kept
        return None
    groups = VariantGroups.of(workspace.lake.current("products").table().iter_rows(named=True))
    products = {query: groups.ranking(ranked) for query, ranked in answers.items()}
    return answer_overlap(products, json.loads(file.read_text(encoding="utf-8")), k=_DEPTH)


def compared_queries(workspace: Workspace, media_root: str | None) -> list[Query]:
    """A sample of the validation queries, with words or a photo."""
    root = Path(media_root or ".")
    rows = (
        workspace.lake.current("queries")
        .table()
        .filter(pl.col(col.SPLIT) == "validation")
        .unique(col.QUERY_ID, keep="first", maintain_order=True)
        .sort(col.QUERY_ID)
    )
    step = max(1, rows.height // _COMPARED)
    queries = [
        Query(text=row[col.QUERY_TEXT], image=_photo(root, row[col.IMAGE]), query_id=row[col.QUERY_ID])
        for row in rows.gather_every(step).head(_COMPARED).iter_rows(named=True)
    ]
    return [query for query in queries if query.text or query.image]


def _photo(root: Path, uri: str | None) -> bytes | None:
    files = [root / name for name in spellings(uri)] if uri else []
    return next((file.read_bytes() for file in files if file.is_file()), None)
