"""The queries for training, validation and test: judged, logged and synthetic ones."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from mmsearch_dagster.adapters.lake.snapshots import Snapshot
from mmsearch_dagster.core.catalog import columns as c
from mmsearch_dagster.core.fusion.dataset import hold_out
from mmsearch_dagster.core.labels.provenance import JUDGED, Provenance
from mmsearch_dagster.core.labels.synthetic_query import SyntheticQuery
from mmsearch_dagster.core.retrieval.rank_fusion import query_kind
from mmsearch_dagster.core.retrieval.text_blend import text_blend
from mmsearch_dagster.core.speech.transcript import Transcript
from mmsearch_dagster.core.text import language_of, query_text
from mmsearch_dagster.pipeline.training.transcripts import transcribe_queries
from mmsearch_dagster.pipeline.training.unjudged_queries import unjudged_queries
from mmsearch_dagster.pipeline.workspace import Workspace

if TYPE_CHECKING:
    from mmsearch_dagster.core.speech.language import Language

TRAIN = "train"
DEV = "dev"
VALIDATION = "validation"
TEST = "test"


@dataclass(frozen=True)
class TrainingQuery:
    """One query before it is encoded.

    text: typed, and spoken in `voice`. kind: what was given and understood; of what was not, what was given.
    picture: a photo. seen: a product whose own picture is seen anew. confidence: of the spoken words. typed:
    the words without those, where both are there.
    """

    query_id: str
    text: str | None
    provenance: Provenance
    grades: dict[str, int]
    kind: str
    picture: Path | None = None
    seen: str | None = None
    voice: Path | None = None
    confidence: float | None = None
    typed: str | None = None

    @property
    def text_blend(self) -> dict[str, float]:
        """What its words are encoded as."""
        sure = 1.0 if self.confidence is None else self.confidence
        return text_blend(query_text(self.text or ""), self.typed, sure)


def all_queries(
    workspace: Workspace,
    inputs: Mapping[str, Snapshot],
    features: Mapping[str, Snapshot],
    language: "Language",
) -> dict[str, list[TrainingQuery]]:
    """Split -> its queries. Where people judged some, those that nobody judged are held out beside them.

    inputs: snapshots of `products`, `queries`, `searches` and `interactions`.
    """
    limits = workspace.preset.derived
    judged = _judged_queries(workspace, inputs["queries"].table(), language)
    unjudged: dict[str, list[TrainingQuery]] = {TRAIN: [], DEV: [], VALIDATION: []}
    for query in unjudged_queries(inputs, features, limits):
        unjudged[query.part].append(_from_synthetic(query))
    taught = judged.get(TRAIN, [])
    kept, held = hold_out(len(taught), limits.dev_share, limits.seed)
    train, dev = [taught[row] for row in kept], [taught[row] for row in held]
    if dev:
        train += unjudged[DEV]
    return {
        TRAIN: train + unjudged[TRAIN],
        DEV: dev or unjudged[DEV],
        VALIDATION: judged.get(VALIDATION, []) + unjudged[VALIDATION],
        TEST: judged.get(TEST, []),
    }


def _judged_queries(
    workspace: Workspace, queries: pl.DataFrame, language: "Language"
) -> dict[str, list[TrainingQuery]]:
    grouped = queries.group_by(c.QUERY_ID, maintain_order=True).agg(
        pl.col(c.QUERY_TEXT, c.IMAGE, c.AUDIO, c.SPLIT).first(), pl.col(c.PRODUCT_ID, c.GRADE)
    )
    spoken = grouped.select(c.QUERY_ID, c.AUDIO).drop_nulls().iter_rows()
    voices = {key: workspace.source.root / uri for key, uri in spoken}
    transcripts = transcribe_queries(workspace, language, voices)
    by_split: dict[str, list[TrainingQuery]] = {}
    for row in grouped.iter_rows(named=True):
        image = workspace.source.root / row[c.IMAGE] if row[c.IMAGE] else None
        query = _judged(row, image, voices.get(row[c.QUERY_ID]), transcripts.get(row[c.QUERY_ID]))
        if query.grades:
            by_split.setdefault(row[c.SPLIT], []).append(query)
    return by_split


def _judged(
    row: Mapping[str, Any], image: Path | None, voice: Path | None, transcript: Transcript | None
) -> TrainingQuery:
    """transcript: None where nothing was understood; a query of nothing else stays an unanswered voice."""
    typed = query_text(row[c.QUERY_TEXT] or "") or None
    graded = zip(row[c.PRODUCT_ID], row[c.GRADE], strict=True)
    return TrainingQuery(
        query_id=row[c.QUERY_ID],
        text=" ".join(part for part in (typed, transcript and query_text(transcript.text)) if part) or None,
        provenance=JUDGED,
        grades={product: grade for product, grade in graded if grade > 0},
        kind=query_kind(
            words=typed is not None,
            image=image is not None,
            voice=transcript is not None or not (typed or image),
            language=language_of(typed or ""),
        ),
        picture=image,
        voice=voice if transcript else None,
        confidence=transcript.confidence if transcript else None,
        typed=typed if transcript else None,
    )


def _from_synthetic(query: SyntheticQuery) -> TrainingQuery:
    words, image = bool(query.text), query.image_of is not None
    return TrainingQuery(
        query_id=query.query_id,
        text=query.text,
        provenance=query.provenance,
        grades={product: int(grade) for product, grade in query.graded.items()},
        kind=query_kind(words=words, image=image, language=language_of(query.text or "")),
        seen=query.image_of,
    )
