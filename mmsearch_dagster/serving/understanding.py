"""Queries read in the terms of one release, and what an answer says about that."""

import random
import string
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import numpy as np

from mmsearch_dagster.adapters.index.table import PinnedTable
from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.modalities import Matrix
from mmsearch_dagster.core.retrieval.filters.conditions import quoted
from mmsearch_dagster.core.retrieval.prepared_query import PreparedQuery
from mmsearch_dagster.core.retrieval.query import Answer, AnswerHit
from mmsearch_dagster.core.retrieval.rank_fusion import LEXICAL_RETRIEVER, VECTOR_RETRIEVER
from mmsearch_dagster.core.understanding.fitting_bounds import bounds_that_fit
from mmsearch_dagster.core.understanding.reading import QueryReader
from mmsearch_dagster.core.understanding.synonyms import SYNONYMS_FILE, SynonymRules, parse_synonyms
from mmsearch_dagster.core.understanding.understood import (
    EMOJI,
    MESSAGE,
    UNMATCHED,
    Understood,
    joined_conditions,
)
from mmsearch_dagster.serving.reader_cache import ReaderCache, reader_of

# Strings without a meaning, to learn how near a product comes to one by chance; and how much nearer, in
# standard deviations, a product must come to be a match.
_NONSENSE, _SEED, _BEYOND_CHANCE = 48, 7, 5.0
Searched = Callable[[PreparedQuery], Answer]


class QueryUnderstanding:
    """Reads a release's catalogue at the first query with words. Safe to share between threads."""

    def __init__(
        self,
        table: PinnedTable,
        synonyms: SynonymRules,
        vectors_of: Callable[[Sequence[str]], Matrix],
        readers: ReaderCache | None = None,
    ) -> None:
        """vectors_of: texts -> the vectors that are compared with products, float32 [n, width]. readers:
        where what was read is kept for the next process; None: nowhere."""
        self._table, self._synonyms, self._vectors_of = table, synonyms, vectors_of
        self._readers = readers

    @cached_property
    def reader(self) -> QueryReader:
        """What reads words in the catalogue's terms."""
        if self._readers is not None:
            return self._readers.reader(self._table, self._synonyms)
        return reader_of(self._table, self._synonyms)

    def warm(self) -> None:
        """Read the catalogue now."""
        _ = self.reader

    def completed(self, query: PreparedQuery, answer: Answer, search: Searched, where: str | None) -> Answer:
        """The answer with what was understood: named products first, bounds that nothing fits left out, and
        a note where nothing fits.

        Args:
            query: what was searched.
            answer: what was found.
            search: searches again.
            where: the request's own filter, as SQL.
        """
        understood = query.understood
        if understood is None or answer.problem is not None:
            return answer
        kept = bounds_that_fit(self._table, understood, where, found=bool(answer.hits))
        if kept is not None:
            answer = search(replace(query, understood=kept))
            note = f"nothing fits {_left_out(kept)}; closest without it:" if answer.hits else answer.note
            return replace(answer, understood=answer.understood or kept, note=note)
        if understood.product_ids:
            answer = replace(answer, hits=self._named_first(understood, answer.hits, where))
        if answer.hits:
            fits = self._fits(query, understood)
            answer = replace(answer, note=_emoji_note(understood) if fits else _nothing_fits(understood))
        return replace(answer, understood=understood)

    def _named_first(
        self, understood: Understood, hits: Sequence[AnswerHit], where: str | None
    ) -> tuple[AnswerHit, ...]:
        """The named products that pass the filter, then the others; as many as before."""
        present = {hit.product_id: hit for hit in hits}
        payload, groups = self._table.rows(understood.product_ids), self._table.variant_groups
        best = hits[0].score if hits else 0.0
        first = [
            replace(present[key], score=best + 1.0)
            if key in present
            else AnswerHit(
                key,
                best + 1.0,
                0,
                payload[key],
                dict.fromkeys((VECTOR_RETRIEVER, LEXICAL_RETRIEVER)),
                variants=groups.facts_of(key),
            )
            for key in understood.product_ids
            if key in payload and self._passes(key, where)
        ]
        named = {groups.key(hit.product_id) for hit in first}
        others = [hit for hit in hits if groups.key(hit.product_id) not in named]
        ranked = [*first, *others][: max(len(hits), len(first))]
        return tuple(replace(hit, rank=rank) for rank, hit in enumerate(ranked, start=1))

    def _passes(self, product_id: str, where: str | None) -> bool:
        named = f"{col.PRODUCT_ID} = {quoted(product_id)}"
        return where is None or self._table.passing(joined_conditions([named, where])) > 0

    def _fits(self, query: PreparedQuery, understood: Understood) -> bool:
        """Whether words or vectors say that a product is meant; a picture or a voice always does."""
        if understood.attested or query.image is not None or query.audio is not None:
            return True
        if not query.weights.get(VECTOR_RETRIEVER):
            return False
        return self._nearest([understood.text])[0] > self._by_chance

    @cached_property
    def _by_chance(self) -> float:
        """The cosine that a string without a meaning hardly ever reaches."""
        cosines = self._nearest(_nonsense())
        return float(cosines.mean() + _BEYOND_CHANCE * cosines.std())

    def _nearest(self, texts: Sequence[str]) -> "np.ndarray":
        """The cosine of each text's nearest product, float64 [n]; -1 where there is none."""
        ranked = self._table.nearest_batch(self._vectors_of(texts), 1)
        return np.array([hits[0].score if hits else -1.0 for hits in ranked])


def synonyms_of(home: Path) -> SynonymRules:
    """The reviewed synonyms of a home, none without the file. Raises ConfigError for a wrong file."""
    file = home / SYNONYMS_FILE
    if not file.is_file():
        return SynonymRules()
    return parse_synonyms(file.read_text(encoding="utf-8"), str(file))


def _nonsense() -> list[str]:
    rng = random.Random(_SEED)

    def word() -> str:
        return "".join(rng.choices(string.ascii_lowercase, k=rng.randint(3, 10)))

    return [" ".join(word() for _ in range(rng.randint(1, 3))) for _ in range(_NONSENSE)]


def _left_out(understood: Understood) -> str:
    bounds = [part.value for part in understood.parts if part.effect == MESSAGE and part.kind != UNMATCHED]
    return f"'{understood.text}' {', '.join(bounds)}"


def _nothing_fits(understood: Understood) -> str:
    hint = f" did you mean '{understood.suggestion}'?" if understood.suggestion else ""
    return f"nothing fits '{understood.typed[:80]}': no product has one of these words;{hint} closest:"


def _emoji_note(understood: Understood) -> str | None:
    """The name of a sign says less than a word that somebody typed; None where words were."""
    emoji = next((part for part in understood.parts if part.kind == EMOJI), None)
    return emoji and f"{emoji.text[:20]} is read as '{emoji.value[:80]}'; closest:"
