"""The queries for training, validation and test: judged, logged and synthetic ones."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from mmsearch_dagster.adapters.lake.snapshots import Snapshot
from mmsearch_dagster.adapters.speech.english_words import is_english
from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.errors import QueryError
from mmsearch_dagster.core.fusion.dataset import hold_out
from mmsearch_dagster.core.labels.provenance import JUDGED, Provenance
from mmsearch_dagster.core.labels.synthetic_query import SyntheticQuery
from mmsearch_dagster.core.presets import SyntheticLimits
from mmsearch_dagster.core.release import RetrievalParams
from mmsearch_dagster.core.retrieval.prepared_query import PreparedQuery
from mmsearch_dagster.core.retrieval.query import Query
from mmsearch_dagster.core.retrieval.rank_fusion import query_kind
from mmsearch_dagster.core.retrieval.text_blend import text_blend
from mmsearch_dagster.core.speech.transcript import NOTHING, Transcript
from mmsearch_dagster.core.text.preparation import language_of
from mmsearch_dagster.core.understanding.reading import COLUMNS, QueryReader
from mmsearch_dagster.core.understanding.understood import Understood
from mmsearch_dagster.pipeline.training.transcripts import StoredTranscript, transcribe_queries
from mmsearch_dagster.pipeline.training.unjudged_queries import unjudged_queries
from mmsearch_dagster.pipeline.workspace import Workspace, media_file
from mmsearch_dagster.serving.prepare_query import prepare
from mmsearch_dagster.serving.understanding import synonyms_of

if TYPE_CHECKING:
    from mmsearch_dagster.core.speech.language import Language

TRAIN = "train"
DEV = "dev"
VALIDATION = "validation"
TEST = "test"
# Preparing only asks whether there is a picture; whether it can be read shows when it is encoded.
_A_PICTURE = b"picture"


@dataclass(frozen=True)
class TrainingQuery:
    """One query before it is encoded.

    text: typed, and spoken in `voice`; clean. kind: what was given and understood. picture: a photo. seen: a
    product whose own picture is seen anew. confidence: of the spoken words. typed: the words without those,
    where both are there. understood: what the words say beside `text`, None for nothing. One that the engine
    refuses has its kind by what was given, and nothing else.
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
    understood: Understood | None = None

    @property
    def text_blend(self) -> dict[str, float]:
        """What its words are encoded as."""
        sure = 1.0 if self.confidence is None else self.confidence
        return text_blend(self.text, self.typed, sure)

    def refused(self) -> "TrainingQuery":
        """The same as one that the engine refuses: it finds nothing."""
        return TrainingQuery(self.query_id, None, self.provenance, self.grades, self.kind)


@dataclass(frozen=True)
class AllQueries:
    """by_split: the queries of every split. log_graded_by: how those of the log were graded, for people."""

    by_split: dict[str, list[TrainingQuery]]
    log_graded_by: str


def all_queries(
    workspace: Workspace,
    inputs: Mapping[str, Snapshot],
    features: Mapping[str, Snapshot],
    language: "Language",
) -> AllQueries:
    """The queries of every split. Where people judged some, those that nobody judged are beside them.

    inputs: snapshots of `products`, `queries`, `searches`, `interactions` and `reviews`.
    """
    limits = workspace.preset.derived
    reader = _reader(workspace, inputs["products"].table())
    judged = _judged_queries(workspace, inputs["queries"].table(), language, reader)
    unjudged: dict[str, list[TrainingQuery]] = {TRAIN: [], DEV: [], VALIDATION: []}
    made = unjudged_queries(
        inputs,
        features,
        limits,
        judged=len(judged.get(VALIDATION, [])),
        policy=workspace.gate_policy,
    )
    for query in made.queries:
        unjudged[query.part].append(_from_synthetic(query))
    taught, held_out = judged.get(TRAIN, []), dev_query_ids(inputs["queries"].table(), limits)
    train = [query for query in taught if query.query_id not in held_out]
    dev = [query for query in taught if query.query_id in held_out]
    if dev:
        train += unjudged[DEV]
    by_split = {
        TRAIN: train + unjudged[TRAIN],
        DEV: dev or unjudged[DEV],
        VALIDATION: judged.get(VALIDATION, []) + unjudged[VALIDATION],
        TEST: judged.get(TEST, []),
    }
    return AllQueries(by_split, made.log_graded_by)


def dev_query_ids(queries: pl.DataFrame, limits: SyntheticLimits) -> set[str]:
    """Judged training queries that are kept apart.

    Args:
        queries: rows of the judgments.
        limits: the share and the seed.
    """
    grouped = queries.group_by(col.QUERY_ID, maintain_order=True).agg(
        pl.col(col.SPLIT).first(), (pl.col(col.GRADE) > 0).any()
    )
    taught = grouped.filter(pl.col(col.GRADE) & (pl.col(col.SPLIT) == TRAIN))[col.QUERY_ID]
    _, held = hold_out(len(taught), limits.dev_share, limits.seed)
    return {taught[row] for row in held}


def _judged_queries(
    workspace: Workspace, queries: pl.DataFrame, language: "Language", reader: QueryReader
) -> dict[str, list[TrainingQuery]]:
    grouped = queries.group_by(col.QUERY_ID, maintain_order=True).agg(
        pl.col(col.QUERY_TEXT, col.IMAGE, col.AUDIO, col.SPLIT).first(), pl.col(col.PRODUCT_ID, col.GRADE)
    )
    spoken = grouped.select(col.QUERY_ID, col.AUDIO).drop_nulls().iter_rows()
    voices = {key: media_file(workspace, uri) for key, uri in spoken}
    transcripts = transcribe_queries(workspace, language, voices)
    by_split: dict[str, list[TrainingQuery]] = {}
    for row in grouped.iter_rows(named=True):
        image = media_file(workspace, row[col.IMAGE]) if row[col.IMAGE] else None
        voice, transcript = voices.get(row[col.QUERY_ID]), transcripts.get(row[col.QUERY_ID], NOTHING)
        query = _judged_query(row, image, voice, transcript, reader=reader)
        if query.grades:
            by_split.setdefault(row[col.SPLIT], []).append(query)
    return by_split


def _judged_query(
    row: Mapping[str, Any],
    image: Path | None,
    voice: Path | None,
    transcript: Transcript,
    *,
    reader: QueryReader | None = None,
) -> TrainingQuery:
    """A judged query as the engine prepares it.

    Args:
        row: its id, words, products and their grades.
        image: file of its picture.
        voice: file of its recording.
        transcript: of the recording, however doubtful.
        reader: of the catalogue's words.
    """
    query = Query(
        text=row[col.QUERY_TEXT],
        image=_A_PICTURE if image else None,
        audio=_recording(voice) if voice else None,
    )
    graded = zip(row[col.PRODUCT_ID], row[col.GRADE], strict=True)
    grades = {product: grade for product, grade in graded if grade > 0}
    prepared = _prepared(query, transcript, reader)
    if prepared is None:
        return TrainingQuery(row[col.QUERY_ID], None, JUDGED, grades, _kind_of_refused(query))
    understood = prepared.audio is not None
    return TrainingQuery(
        query_id=row[col.QUERY_ID],
        text=prepared.text,
        provenance=JUDGED,
        grades=grades,
        kind=prepared.kind,
        picture=image,
        voice=voice if understood else None,
        confidence=transcript.confidence if understood else None,
        typed=prepared.typed if understood else None,
        understood=_beside_text(prepared),
    )


def _beside_text(prepared: PreparedQuery) -> Understood | None:
    """Further words, filters and named products; None without any of them."""
    understood = prepared.understood
    return None if understood is None or understood.is_text_alone else understood


def searched_words(workspace: Workspace, products: pl.DataFrame, texts: Iterable[str]) -> dict[str, str]:
    """Text -> the words that retrievers read instead; without texts whose words also filter or are refused.

    Args:
        workspace: for the shop's synonyms.
        products: rows of the catalogue.
        texts: what people typed.
    """
    reader = _reader(workspace, products)
    prepared = {text: _prepared(Query(text=text), reader=reader) for text in texts}
    return {
        text: query.text
        for text, query in prepared.items()
        if query and query.text and not (query.understood and query.understood.condition)
    }


def _reader(workspace: Workspace, products: pl.DataFrame) -> QueryReader:
    """What the engine of these products will read words with."""
    rows = products.select(name for name in COLUMNS if name in products.columns).to_dicts()
    return QueryReader.of(rows, synonyms_of(workspace.paths.home), is_english)


def _prepared(
    query: Query, transcript: Transcript = NOTHING, reader: QueryReader | None = None
) -> PreparedQuery | None:
    """None where the engine refuses the query. No weights are known yet: they are chosen by these queries."""
    try:
        opened = None if reader is None else lambda: reader
        return prepare(query, RetrievalParams(), StoredTranscript(transcript), opened)
    except QueryError:
        return None


def _recording(voice: Path) -> bytes:
    try:
        return voice.read_bytes()
    except OSError:
        return b"unreadable"


def _kind_of_refused(query: Query) -> str:
    """What was given, understood or not."""
    return query_kind(
        words=query.text is not None,
        image=query.image is not None,
        voice=query.audio is not None,
        language=language_of(query.text or ""),
    )


def _from_synthetic(query: SyntheticQuery) -> TrainingQuery:
    grades = {product: int(grade) for product, grade in query.graded.items()}
    given = Query(text=query.text, image=None if query.image_of is None else _A_PICTURE)
    prepared = _prepared(given)
    if prepared is None:
        return TrainingQuery(query.query_id, None, query.provenance, grades, _kind_of_refused(given))
    return TrainingQuery(
        query.query_id, prepared.text, query.provenance, grades, prepared.kind, seen=query.image_of
    )
