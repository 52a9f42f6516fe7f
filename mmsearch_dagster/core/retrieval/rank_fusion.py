"""Retrievers, kinds of queries, and how the rankings of several retrievers become one."""

from collections.abc import Mapping, Sequence

from mmsearch_dagster.core.errors import QueryError
from mmsearch_dagster.core.modality_names import AUDIO, IMAGE, TEXT

SEARCH_TEXT = "search_text"
VECTOR = "vector"

VECTOR_RETRIEVER = "vector"
LEXICAL_RETRIEVER = "lexical"
# Full-text search for the typed words alone, where others were spoken: a part of LEXICAL_RETRIEVER.
TYPED_RETRIEVER = "typed"
# Judged photos as further keys to their products (core.memories).
PHOTO_MEMORY = "photo_memory"
# Past queries as further keys to what people chose (core.memories); raises it in the order of the others.
QUERY_MEMORY = "query_memory"
# The fused vector, full-text search, each encoder's own vectors, judged photos, past queries.
RETRIEVERS = (VECTOR_RETRIEVER, LEXICAL_RETRIEVER, TEXT, IMAGE, AUDIO, PHOTO_MEMORY, QUERY_MEMORY)
# How the candidates of a query are ordered: weighted reciprocal ranks, a convex combination of scores, or the
# ranker that learned from judged queries (core.ranking.rankers).
BY_RANKS = "ranks"
BY_SCORES = "scores"
LEARNED = "learned"
ORDERS = (BY_RANKS, BY_SCORES, LEARNED)
# What the last two read.
SCORED_RETRIEVERS = (LEXICAL_RETRIEVER, VECTOR_RETRIEVER, TEXT, IMAGE)
# Names for the weights of a request, on the command line and over HTTP.
WEIGHTS_HELP = (
    f"weight of a retriever in this request: {VECTOR_RETRIEVER} (everything the query gives, fused), "
    f"{LEXICAL_RETRIEVER} (full-text search), {TEXT}, {IMAGE} or {AUDIO} (that part of the query, within the "
    f"fused vector and by its own encoder), {PHOTO_MEMORY} (judged photos), {QUERY_MEMORY} (past "
    "queries). "
    "With 0 a retriever is not used and such a part is not read"
)

WORDS = "words"
PICTURE = "picture"
WORDS_AND_PICTURE = "words+picture"
VOICE = "voice"
VOICE_AND_PICTURE = "voice+picture"
# What a query with words may consist of, spoken ones included.
KINDS_WITH_WORDS = (
    WORDS,
    VOICE,
    "words+voice",
    WORDS_AND_PICTURE,
    VOICE_AND_PICTURE,
    "words+voice+picture",
)

# Scripts other than Latin, as `language_of` names them; typed words in each are a kind of their own.
_OTHER_SCRIPTS = ("zh", "ja", "ko", "other")
KINDS_IN_OTHER_SCRIPTS = tuple(f"{WORDS}[{script}]" for script in _OTHER_SCRIPTS)


def modality_column(modality: str) -> str:
    """The index column that holds one modality's own vector."""
    return f"{modality}_vector"


def query_kind(*, words: bool, image: bool, voice: bool = False, language: str = "") -> str:
    """The name of what a query consists of, for example `words+picture` or `words[zh]`.

    language: of the words, as `language_of` says. A script of its own is a kind of its own: an encoder may
    not read what full-text search finds.

    Raises QueryError for an empty one.
    """
    parts = [name for name, given in ((WORDS, words), (VOICE, voice), (PICTURE, image)) if given]
    if not parts:
        raise QueryError("the query is empty: give words, a voice, a picture, or several of them")
    name = "+".join(parts)
    return f"{name}[{language}]" if words and language in _OTHER_SCRIPTS else name


def kinds_alike(kind: str) -> tuple[str, ...]:
    """The kind, then those whose blend it takes where it has none: the same query typed, then in Latin.

    >>> kinds_alike("words+voice[zh]")
    ('words+voice[zh]', 'words[zh]', 'words')
    """
    parts, bracket, script = kind.partition("[")
    typed = "+".join(dict.fromkeys(WORDS if part == VOICE else part for part in parts.split("+")))
    return tuple(dict.fromkeys((kind, f"{typed}{bracket}{script}", typed)))


def chosen_for(
    kind: str, chosen: Mapping[str, Mapping[str, float]], otherwise: Mapping[str, float]
) -> dict[str, float]:
    """The weights chosen for this kind, or for the nearest one alike that has some."""
    return dict(next((chosen[alike] for alike in kinds_alike(kind) if alike in chosen), otherwise))


def order_of_kind(kind: str, orders: Mapping[str, str]) -> str:
    """How the candidates of a query of this kind are ordered.

    Words in a script of their own are not alike here: what is learned from Latin words says little of them.
    """
    alike = kinds_alike(kind)
    if "[" in kind:
        alike = tuple(name for name in alike if "[" in name)
    return next((orders[name] for name in alike if name in orders), BY_RANKS)


def retriever_weights(
    kind: str,
    chosen: Mapping[str, Mapping[str, float]],
    confidence: float = 1.0,
    requested: Mapping[str, float] | None = None,
) -> dict[str, float]:
    """What each retriever weighs for a query of this kind; what is not named 0, but the fused vector 1.0.

    chosen: kind -> retriever -> weight; a kind that was never seen takes what is right for one that is alike.
    confidence: of the words, where they were spoken; a doubtful word must not outweigh a clear
    picture, nor a typed one: full-text search for all words weighs as much as the heard ones are sure, for
    the typed ones alone the rest. requested: weights that the request names, instead of the chosen ones.
    """
    weights = {VECTOR_RETRIEVER: 1.0, **chosen_for(kind, chosen, {})}
    if kind == VOICE_AND_PICTURE:
        weights |= {name: weights[name] * confidence for name in (LEXICAL_RETRIEVER, TEXT) if name in weights}
    weights |= requested or {}
    if LEXICAL_RETRIEVER in weights and {WORDS, VOICE} <= set(kind.partition("[")[0].split("+")):
        full_text = weights[LEXICAL_RETRIEVER]
        weights |= {
            LEXICAL_RETRIEVER: full_text * confidence,
            TYPED_RETRIEVER: full_text * (1.0 - confidence),
        }
    return weights


def fuse(
    rankings: Mapping[str, Sequence[str]], weights: Mapping[str, float], k: int = 60
) -> list[tuple[str, float]]:
    """Weighted reciprocal-rank fusion: score(d) = sum over rankings r of weight_r / (k + rank_r(d)).

    Ranks count from 1; an id that a ranking repeats counts where it comes first. `k` is the constant
    of Cormack, Clarke and Büttcher (SIGIR 2009), not a length. A ranking without a weight counts 1;
    weight 0 leaves it out. Returns every id, best first, ties by id.

    >>> fuse({"vector": ["a", "b"], "lexical": ["b"]}, {"lexical": 2.0}, k=0)
    [('b', 2.5), ('a', 1.0)]
    """
    scores: dict[str, float] = {}
    for name in sorted(rankings):
        weight = weights.get(name, 1.0)
        if not 0.0 <= weight < float("inf") or k < 0:
            raise QueryError(f"rank fusion needs weights and k of 0 or more, not {name}={weight}, k={k}")
        if weight == 0.0:
            continue
        for rank, key in enumerate(dict.fromkeys(rankings[name]), start=1):
            scores[key] = scores.get(key, 0.0) + weight / (k + rank)
    return sorted(scores.items(), key=lambda item: (-item[1], item[0]))
