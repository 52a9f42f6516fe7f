"""From a query to a prepared query: clean text, transcript, kind and weights."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from mmsearch_dagster.core.errors import QueryError
from mmsearch_dagster.core.modalities import AUDIO, IMAGE, TEXT
from mmsearch_dagster.core.release import RetrievalParams
from mmsearch_dagster.core.retrieval.prepared_query import PreparedQuery
from mmsearch_dagster.core.retrieval.query import Query
from mmsearch_dagster.core.retrieval.rank_fusion import (
    BY_RANKS,
    QUERY_MEMORY,
    RETRIEVERS,
    SCORED_RETRIEVERS,
    order_of_kind,
    query_kind,
    retriever_weights,
)
from mmsearch_dagster.core.speech.transcript import Transcript
from mmsearch_dagster.core.suggest import did_you_mean
from mmsearch_dagster.core.text.preparation import is_wordless, language_of, query_text
from mmsearch_dagster.core.understanding.reading import QueryReader
from mmsearch_dagster.core.understanding.understood import EMOJI, REWRITE, QueryPart
from mmsearch_dagster.serving.transcriber import SpeechToText

# Of what is understood with less, hardly a word is right (tests/bench/voice.py measures it).
LEAST_CONFIDENCE = 0.1


def prepare(
    query: Query,
    retrieval: RetrievalParams,
    transcriber: SpeechToText,
    reader: Callable[[], QueryReader] | None = None,
) -> PreparedQuery:
    """The query as it is searched.

    A modality that weighs 0 is as good as not given: `text` are the words typed and spoken, `audio` is the
    sound of the voice itself. reader: opens what reads the words in the catalogue's terms; None: they are
    searched as they are.

    Raises QueryError for an empty query, a recording that cannot be read or understood and stands alone,
    and a wrong weight."""
    requested = _checked(query.weights or {})
    left_out = {name for name, weight in requested.items() if not weight}
    typed = query_text(query.text or "") or None
    image = query.image or None
    transcript = transcriber.transcribe(query.audio) if query.audio else None
    understood = transcript if transcript and is_understood(transcript) else None
    if transcript and not understood and not typed and not image:
        raise QueryError(_not_understood(transcript))
    words = [part for part in (typed, understood and query_text(understood.text)) if part]
    voice = query.audio if understood else None
    given = {TEXT: bool(words), IMAGE: image is not None, AUDIO: voice is not None}
    if any(given.values()) and left_out.issuperset(name for name, here in given.items() if here):
        raise QueryError(f"all that the query gives weighs 0: {', '.join(sorted(left_out))}")
    typed, words = (None, []) if TEXT in left_out else (typed, words)
    image = None if IMAGE in left_out else image
    kind = query_kind(
        words=typed is not None,
        image=image is not None,
        voice=understood is not None and (bool(words) or AUDIO not in left_out),
        language=language_of(typed or ""),
    )
    sure = understood.confidence if understood else 1.0
    order, weights = how_to_rank(kind, retrieval, sure, requested)
    prepared = PreparedQuery(
        text=" ".join(words) or None,
        typed=typed,
        image=image,
        kind=kind,
        weights=weights,
        order=order,
        audio=None if AUDIO in left_out else voice,
        transcript=transcript,
        query_id=query.query_id,
        modality_weights={name: weight for name, weight in requested.items() if weight and name in given},
    )
    return _read(prepared, query, reader()) if reader and prepared.text else prepared


def _read(prepared: PreparedQuery, query: Query, reader: QueryReader) -> PreparedQuery:
    """The words as the catalogue understands them; those typed beside a voice alike."""
    whole, typed = (
        reader.read(text, as_typed=query.as_typed, ignore=query.ignore) if text else None
        for text in (prepared.text, prepared.typed)
    )
    if whole and query.text and is_wordless(query.text) and not (query.audio or query.image):
        emoji = QueryPart(EMOJI, query.text.strip(), whole.typed, REWRITE)
        whole = replace(whole, parts=(emoji, *whole.parts))
    return replace(prepared, text=whole and whole.text, typed=typed.text if typed else None, understood=whole)


def how_to_rank(
    kind: str, retrieval: RetrievalParams, confidence: float, requested: Mapping[str, float] | None = None
) -> tuple[str, dict[str, float]]:
    """How the candidates of a query are ordered, and what each retriever weighs in that.

    A request that names a weight above 0 gets what it says: ranks fused by these weights.

    Args:
        kind: of the query.
        retrieval: of the release.
        confidence: of the spoken words, 1 without any.
        requested: retriever -> weight of the request.
    """
    order = order_of_kind(kind, retrieval.orders)
    if order == BY_RANKS or any((requested or {}).values()):
        return BY_RANKS, retriever_weights(kind, retrieval.weights, confidence, requested)
    left_out = set(requested or {})
    weights = {name: 0.0 if name in left_out else 1.0 for name in SCORED_RETRIEVERS}
    chosen_before = retriever_weights(kind, retrieval.weights, confidence, requested).get(QUERY_MEMORY)
    return order, weights if chosen_before is None else {**weights, QUERY_MEMORY: chosen_before}


def is_understood(transcript: Transcript) -> bool:
    """Whether it has a word to search for: a clap or a hum is recognised as `the` or `but`."""
    return transcript.confidence >= LEAST_CONFIDENCE and transcript.says_something


def _not_understood(transcript: Transcript) -> str:
    guess = (
        f" (a guess: '{transcript.text}', confidence {transcript.confidence:.2f})" if transcript.text else ""
    )
    return (
        f"the voice of the query is not understood{guess}: speak close to the microphone, in "
        "this shop's words, or type them"
    )


def _checked(weights: Mapping[str, float]) -> dict[str, float]:
    for retriever, weight in weights.items():
        if retriever not in RETRIEVERS:
            raise QueryError(
                f"there is no retriever '{retriever}' to weigh: {did_you_mean(retriever, RETRIEVERS)}"
            )
        if not 0.0 <= weight < float("inf"):
            raise QueryError(f"the weight of '{retriever}' must be 0 or more, not {weight}")
    return dict(weights)
