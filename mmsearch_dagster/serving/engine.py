"""The query engine: one release opened for reading, from words, voice and pictures to ranked products."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmsearch_dagster.adapters.index.index import SearchIndex
from mmsearch_dagster.adapters.index.table import EXACT_ROWS, PinnedTable
from mmsearch_dagster.adapters.lake.features_log import FeaturesLog
from mmsearch_dagster.core.errors import QueryError, ReleaseMismatchError
from mmsearch_dagster.core.modalities import Matrix, ModalityBatch, stacked
from mmsearch_dagster.core.release import ReleaseManifest
from mmsearch_dagster.core.retrieval.filters.language import to_where
from mmsearch_dagster.core.retrieval.filters.outcome import FilterOutcome, filter_outcome
from mmsearch_dagster.core.retrieval.prepared_query import PreparedQuery
from mmsearch_dagster.core.retrieval.query import Answer, AnswerHit, Query, no_result_note, ranked_hits
from mmsearch_dagster.core.retrieval.rank_fusion import LEARNED, PHOTO_MEMORY, WORDS
from mmsearch_dagster.core.retrieval.score_fusion import ScoredList
from mmsearch_dagster.core.understanding.reading import QueryReader
from mmsearch_dagster.core.understanding.synonyms import SynonymRules
from mmsearch_dagster.core.understanding.understood import joined_conditions
from mmsearch_dagster.serving import release_parts
from mmsearch_dagster.serving.candidate_order import CandidateOrder
from mmsearch_dagster.serving.encode_query import EncoderOrLoader, QueryEncoders
from mmsearch_dagster.serving.item_source import KeptItems
from mmsearch_dagster.serving.memories.photo_retriever import PhotoRetriever
from mmsearch_dagster.serving.memories.query_retriever import QueryRetriever
from mmsearch_dagster.serving.prepare_query import prepare
from mmsearch_dagster.serving.reader_cache import ReaderCache
from mmsearch_dagster.serving.retrievers import QueryTower, fused_queries, retrieve
from mmsearch_dagster.serving.transcriber import Transcriber
from mmsearch_dagster.serving.understanding import QueryUnderstanding

if TYPE_CHECKING:
    from mmsearch_dagster.core.fusion.config import FusionSpec
    from mmsearch_dagster.core.ranking.rankers.stage import FeatureEffect, RankingStage
    from mmsearch_dagster.core.speech.transcript import Transcript

__all__ = ["MAX_K", "Answer", "AnswerHit", "Engine", "Query", "QueryTower"]

MAX_K = 1000
_BATCH = 256
# Where variants of few products fill the lists, lists so many times longer are read.
_DEEPER = 4


@dataclass(frozen=True)
class SearchOptions:
    """What a search of one or several queries is to bring, and how.

    k: products for each query. where: the filter as it was given. condition: the same as SQL.
    cores_free: nothing else is searched now, so the retrievers may use several cores.
    """

    k: int
    where: str | None
    condition: str | None
    cores_free: bool

    @classmethod
    def of(cls, k: int, where: str | None, *, cores_free: bool = False) -> "SearchOptions":
        """Checked. Raises QueryError for a wrong filter and for a wrong `k`."""
        if isinstance(k, bool) or not isinstance(k, int) or not 1 <= k <= MAX_K:
            raise QueryError(f"k must be a whole number from 1 to {MAX_K}, not {k!r}")
        return cls(k, where, to_where(where), cores_free)


class Engine:
    """Answers queries from one release. Safe to share between threads."""

    def __init__(
        self,
        manifest: ReleaseManifest,
        table: PinnedTable,
        model: QueryTower,
        modalities: Sequence[str],
        *,
        encoders: QueryEncoders,
        transcriber: Transcriber,
        stage: "RankingStage | None" = None,
        synonyms: SynonymRules = SynonymRules(),
        photos: PhotoRetriever | None = None,
        past: QueryRetriever | None = None,
        features_log: FeaturesLog | None = None,
        readers: ReaderCache | None = None,
    ) -> None:
        self._manifest = manifest
        self._table = table
        self._model = model
        self._modalities = tuple(modalities)
        self._encoders = encoders
        self._transcriber = transcriber
        self._photos = photos
        self._past = past
        self._features_log = features_log
        self._order = CandidateOrder(manifest.retrieval.rrf_k, stage)
        self._items = KeptItems(table.rows)
        self._understanding = QueryUnderstanding(table, synonyms, self._vectors_of, readers)

    @classmethod
    def open(
        cls,
        manifest: ReleaseManifest,
        index_uri: str,
        model_dir: Path,
        encoders: Mapping[str, EncoderOrLoader],
        *,
        exact_rows: int = EXACT_ROWS,
        synonyms: SynonymRules = SynonymRules(),
        features_log: FeaturesLog | None = None,
        readers: ReaderCache | None = None,
    ) -> "Engine":
        """The release that `manifest` names.

        encoders: modality -> encoder, loaded or not. exact_rows: a catalogue of fewer products is compared in
        memory, a larger one by LanceDB. synonyms: of the shop. features_log: notes what the ranker reads.
        readers: keeps what is read of the catalogue to understand words.
        Raises ReleaseMismatchError when model, encoders and index are not those of the manifest.
        """
        from mmsearch_dagster.core.fusion.towers import weights_sha256

        query_encoders = QueryEncoders(manifest.encoders, encoders)
        model = release_parts.open_model(model_dir)
        if weights_sha256(model_dir) != manifest.weights_sha256:
            raise ReleaseMismatchError(f"the weights in {model_dir} are not those of {manifest.release_id}")
        table = release_parts.open_table(
            manifest, SearchIndex(index_uri, exact_rows=exact_rows), model.spec.width
        )
        query_encoders.require(model.spec.query_widths)
        transcriber = Transcriber(lambda: release_parts.open_recogniser(manifest, table, model_dir))
        modalities = sorted(model.spec.query_widths)
        return cls(
            manifest,
            table,
            model,
            modalities,
            encoders=query_encoders,
            transcriber=transcriber,
            stage=release_parts.open_ranking(manifest, model_dir),
            synonyms=synonyms,
            photos=release_parts.open_photo_memory(manifest, table, model_dir),
            past=release_parts.open_query_memory(manifest, table, model_dir),
            features_log=features_log,
            readers=readers,
        )

    @property
    def manifest(self) -> ReleaseManifest:
        return self._manifest

    def warm(self) -> None:
        """Load now what the first query would wait for."""
        for modality in self._modalities:
            self._encoders.load(modality)
        self._table.warm()
        self._understanding.warm()

    @property
    def table(self) -> PinnedTable:
        """The index version that answers."""
        return self._table

    def prepare(self, query: Query) -> PreparedQuery:
        """The query cleaned, transcribed and encoded: made once, then searched, explained, personalised.

        Raises:
            QueryError: for an empty query, an unreadable picture, a voice that is not understood, a wrong
                weight.
        """
        prepared, unanswered = self._prepare_batch([query])
        if unanswered:
            raise QueryError(unanswered[0].problem)
        return prepared[0]

    def fused(self, query: PreparedQuery, vectors: ModalityBatch | None = None) -> Matrix:
        """The vector that `search` compares, float32 [1, width].

        Args:
            query: of `prepare`.
            vectors: a part of its vectors instead of all.
        """
        return fused_queries(self._model, [query], vectors or query.vectors)

    def fused_items(self, batch: ModalityBatch) -> Matrix:
        """Item vectors of the released model.

        Args:
            batch: `n` items.

        Returns:
            float32 [n, width].
        """
        return self._model.items(batch)

    @property
    def model_spec(self) -> "FusionSpec":
        """What the released model reads."""
        return self._model.spec

    def payload(self, product_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """What the release knows of these products; unknown ids are left out."""
        return self._table.rows(product_ids)

    def search(self, query: Query | PreparedQuery, *, k: int, where: str | None = None) -> Answer:
        """The `k` best products for one query.

        Args:
            query: as given, or prepared already.
            k: how many, 1 to MAX_K.
            where: a filter in the language of `core.retrieval.filters.language`.

        Raises:
            QueryError: like `prepare`, and for a wrong filter or `k`.
        """
        begun = time.perf_counter()
        options = SearchOptions.of(k, where)
        prepared = query if isinstance(query, PreparedQuery) else self.prepare(query)
        answer = self._understood_answers([prepared], options)[0]
        if answer.problem is not None:
            raise QueryError(answer.problem)
        query_id = "" if isinstance(query, PreparedQuery) else query.query_id
        return replace(answer, query_id=query_id, took_ms=(time.perf_counter() - begun) * 1000)

    def search_batch(
        self, queries: Sequence[Query], *, k: int, where: str | None = None, cores_free: bool = False
    ) -> list[Answer]:
        """An answer per query, in their order; one that cannot be answered says so in `problem`.

        Args:
            queries: as given.
            k: how many products for each, 1 to MAX_K.
            where: a filter in the language of `core.retrieval.filters`.
            cores_free: nothing else is searched now, so the retrievers may use several cores.

        Raises:
            QueryError: for what concerns all of them: a wrong filter or `k`.
        """
        options = SearchOptions.of(k, where, cores_free=cores_free)
        answers: list[Answer] = []
        for start in range(0, len(queries), _BATCH):
            begun = time.perf_counter()
            part = queries[start : start + _BATCH]
            prepared, unanswered = self._prepare_batch(part)
            found = self._understood_answers(list(prepared.values()), options)
            ranked = dict(zip(prepared, found, strict=True))
            took_ms = (time.perf_counter() - begun) * 1000 / len(part)
            for row, query in enumerate(part):
                answer = ranked.get(row) or unanswered[row]
                answers.append(replace(answer, query_id=query.query_id, took_ms=took_ms))
        return answers

    def _unanswered(self, problem: str, kind: str = "", transcript: "Transcript | None" = None) -> Answer:
        release_id = self._manifest.release_id
        return Answer((), release_id, 0.0, kind, problem=problem, transcript=transcript)

    def _prepare_batch(self, queries: Sequence[Query]) -> tuple[dict[int, PreparedQuery], dict[int, Answer]]:
        """Row -> the prepared query, or row -> the answer that says why there is none."""
        prepared: dict[int, PreparedQuery] = {}
        unanswered: dict[int, Answer] = {}
        for row, query in enumerate(queries):
            try:
                prepared[row] = prepare(query, self._manifest.retrieval, self._transcriber, self._reader)
            except QueryError as error:
                unanswered[row] = self._unanswered(str(error))
        rows = list(prepared)
        batch, unread = self._encoders.encode(list(prepared.values()), self._modalities)
        for position, row in enumerate(rows):
            query = replace(prepared[row], vectors=batch.take([position]))
            prepared[row] = query
            if position in unread:
                unanswered[row] = self._unanswered(unread[position], query.kind, query.transcript)
                del prepared[row]
        return self._with_closer_looks(prepared), unanswered

    def _with_closer_looks(self, prepared: Mapping[int, PreparedQuery]) -> dict[int, PreparedQuery]:
        """Where the photo memory is searched, photos are looked at more closely too."""
        rows = [row for row, query in prepared.items() if query.weights.get(PHOTO_MEMORY, 0.0) > 0]
        if self._photos is None or not rows:
            return dict(prepared)
        looks = self._encoders.closer_looks([prepared[row] for row in rows])
        closer = {rows[position]: look for position, look in looks.items()}
        return {row: replace(query, closer_look=closer.get(row)) for row, query in prepared.items()}

    def _reader(self) -> QueryReader:
        return self._understanding.reader

    def _vectors_of(self, texts: Sequence[str]) -> Matrix:
        """The vectors that words alone are searched with, float32 [n, width]."""
        queries = [PreparedQuery(text, None, WORDS) for text in texts]
        batch, _ = self._encoders.encode(queries, self._modalities)
        return fused_queries(self._model, queries, batch)

    def _understood_answers(self, queries: Sequence[PreparedQuery], options: SearchOptions) -> list[Answer]:
        """`_answers`, each among the products that pass the query's own bounds too."""
        own = [query.understood.condition if query.understood else None for query in queries]
        answers: dict[int, Answer] = {}
        for bound in dict.fromkeys(own):
            rows = [row for row, other in enumerate(own) if other == bound]
            both = replace(options, condition=joined_conditions([options.condition, bound]))
            found = self._answers([queries[row] for row in rows], both)
            answers |= dict(zip(rows, found, strict=True))

        def again(query: PreparedQuery) -> Answer:
            return self._understood_answers([query], options)[0]

        return [
            self._understanding.completed(query, answers[row], again, options.condition)
            for row, query in enumerate(queries)
        ]

    def ranking_effects(self, query: PreparedQuery, product: str) -> "list[FeatureEffect]":
        """What each feature of the learned ranking does for a product in the answer to a query.

        Args:
            query: of `prepare`.
            product: its id.

        Returns:
            The strongest first; nothing where this kind of query is ordered otherwise.
        """
        if query.order != LEARNED:
            return []
        depth = self._manifest.retrieval.depth
        lists = retrieve(self._table, self._model, [query], query.vectors, depth=depth, where=None)
        return self._order.effects(query, lists[0], self._items, product)

    def _answers(self, queries: Sequence[PreparedQuery], options: SearchOptions) -> list[Answer]:
        """An answer per prepared query."""
        if not queries:
            return []
        self._table.check_files()
        k = options.k
        depth = max(k, self._manifest.retrieval.depth)
        lists, best = self._ranked(queries, depth, options)
        while any(len(hits) < k and _is_full(found, depth) for hits, found in zip(best, lists, strict=True)):
            depth *= _DEEPER
            lists, best = self._ranked(queries, depth, options)
        best = [hits[:k] for hits in best]
        self._log_features(queries, lists)
        payload = self._table.rows([key for hits in best for key, _ in hits])
        outcome = cache(
            lambda: filter_outcome(options.where, self._table)
        )  # looked at only where nothing is found
        return [
            self._answer(query, found, ranked_hits(hits, found, payload, self._table.variant_groups), outcome)
            for query, found, hits in zip(queries, lists, best, strict=True)
        ]

    def _log_features(
        self, queries: Sequence[PreparedQuery], lists: Sequence[Mapping[str, ScoredList]]
    ) -> None:
        """Notes what the ranker read, where that is wanted."""
        if self._features_log is None:
            return
        for query, found in zip(queries, lists, strict=True):
            ranked = self._order.ranked(query, found, self._items)
            if ranked is not None:
                self._features_log.write(self._manifest.release_id, query, ranked)

    def _ranked(
        self, queries: Sequence[PreparedQuery], depth: int, options: SearchOptions
    ) -> tuple[Sequence[Mapping[str, ScoredList]], list[list[tuple[str, float]]]]:
        """What each retriever finds for each query, and their products in order, each variant group once; at
        least `options.k` where there are as many."""
        batch, groups = stacked([query.vectors for query in queries]), self._table.variant_groups
        lists = retrieve(
            self._table,
            self._model,
            queries,
            batch,
            depth=depth,
            where=options.condition,
            photos=self._photos,
            past=self._past,
            side_by_side=options.cores_free or options.condition is not None or not self._table.is_warm,
        )
        ordered = [
            self._order.order(
                query, found, self._items, lambda ranked: len(groups.first_of_each(ranked)) >= options.k
            )
            for query, found in zip(queries, lists, strict=True)
        ]
        shown = [groups.first_of_each(hits) for hits in ordered]
        return lists, [
            self._order.for_person(query, hits[: options.k]) if query.person else hits
            for query, hits in zip(queries, shown, strict=True)
        ]

    def _answer(
        self,
        query: PreparedQuery,
        lists: Mapping[str, ScoredList],
        hits: tuple[AnswerHit, ...],
        outcome: Callable[[], FilterOutcome | None],
    ) -> Answer:
        if not lists:
            readable = ", ".join(self._modalities)
            return self._unanswered(
                f"this release cannot answer a query of {query.kind}: with these weights it reads "
                f"{readable} only",
                query.kind,
                query.transcript,
            )
        return Answer(
            hits=hits,
            release_id=self._manifest.release_id,
            took_ms=0.0,
            kind=query.kind,
            transcript=query.transcript,
            note=None if hits else no_result_note(query.text, outcome()),
        )


def _is_full(lists: Mapping[str, ScoredList], depth: int) -> bool:
    """Whether a longer list of a retriever could bring further products."""
    return any(len(entries) >= depth for entries in lists.values())
