"""The query engine: one release opened for reading, from words, voice and pictures to ranked products."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmsearch_dagster.adapters.index.index import SearchIndex
from mmsearch_dagster.adapters.index.table import EXACT_ROWS, PinnedTable
from mmsearch_dagster.core.errors import QueryError, ReleaseMismatchError
from mmsearch_dagster.core.modalities import Matrix, ModalityBatch
from mmsearch_dagster.core.release import IndexPin, ReleaseManifest
from mmsearch_dagster.core.retrieval.filters import to_where
from mmsearch_dagster.core.retrieval.query import Answer, AnswerHit, Query, no_result_note, ranked_hits
from mmsearch_dagster.core.retrieval.rank_fusion import VECTOR, fuse
from mmsearch_dagster.serving.branches import QueryTower, fused_queries, rank
from mmsearch_dagster.serving.encode_query import EncoderOrLoader, QueryContent, QueryEncoders
from mmsearch_dagster.serving.prepare_query import prepare
from mmsearch_dagster.serving.transcriber import Transcriber

if TYPE_CHECKING:
    from mmsearch_dagster.core.fusion.config import FusionSpec
    from mmsearch_dagster.core.speech.language import Language
    from mmsearch_dagster.core.speech.transcript import Recogniser

__all__ = ["MAX_K", "Answer", "AnswerHit", "Engine", "Query", "QueryTower"]

MAX_K = 1000
_BATCH = 256


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
        hearing: Transcriber,
    ) -> None:
        self._manifest = manifest
        self._table = table
        self._model = model
        self._modalities = tuple(modalities)
        self._encoders = encoders
        self._hearing = hearing

    @classmethod
    def open(
        cls,
        manifest: ReleaseManifest,
        index_uri: str,
        model_dir: Path,
        encoders: Mapping[str, EncoderOrLoader],
        *,
        exact_rows: int = EXACT_ROWS,
    ) -> "Engine":
        """The release that `manifest` names.

        encoders: modality -> encoder, loaded or not. exact_rows: a catalogue of fewer products is compared in
        memory, a larger one by LanceDB. Raises ReleaseMismatchError when model, encoders
        and index are not those of the manifest.
        """
        from mmsearch_dagster.core.fusion.model import load_model, weights_sha256

        asked = QueryEncoders(manifest.encoders, encoders)
        model = load_model(model_dir)
        if weights_sha256(model_dir) != manifest.weights_sha256:
            raise ReleaseMismatchError(f"the weights in {model_dir} are not those of {manifest.release_id}")
        table = _open_table(manifest, SearchIndex(index_uri, exact_rows=exact_rows), model.spec.width)
        asked.require(model.spec.query_widths)
        hearing = Transcriber(lambda: _open_ears(manifest, table, model_dir))
        modalities = sorted(model.spec.query_widths)
        return cls(manifest, table, model, modalities, encoders=asked, hearing=hearing)

    @property
    def manifest(self) -> ReleaseManifest:
        return self._manifest

    def warm(self) -> None:
        """Load now what the first query would wait for."""
        for modality in self._modalities:
            self._encoders.load(modality)
        self._table.warm()

    @property
    def table(self) -> PinnedTable:
        """The index version that answers."""
        return self._table

    def read(self, query: Query) -> tuple[QueryContent, ModalityBatch]:
        """The query as the engine sees it: prepared, and one row of vectors by modality.

        Raises QueryError like `search`.
        """
        content = prepare(query, self._manifest.retrieval, self._hearing)
        batch, unread = self._encoders.encode([content], self._modalities)
        if unread:
            raise QueryError(unread[0])
        return content, batch

    def fused(self, content: QueryContent, batch: ModalityBatch) -> Matrix:
        """The vector that `search` compares, float32 [1, width]. batch: of `read`, or a part of it."""
        return fused_queries(self._model, [content], batch)

    def fused_items(self, batch: ModalityBatch) -> Matrix:
        """Item vectors of the released model, float32 [n, width]."""
        return self._model.items(batch)

    @property
    def model_spec(self) -> "FusionSpec":
        """What the released model reads."""
        return self._model.spec

    def payload(self, product_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """What the release knows of these products; unknown ids are left out."""
        return self._table.rows(product_ids)

    def search(self, query: Query, *, k: int, where: str | None = None) -> Answer:
        """The `k` best products for one query.

        where: a filter in the language of `core.filters`. Raises QueryError for an empty query, an
        unreadable picture, a voice that is not understood, a wrong filter, weight or `k`.
        """
        answer = self.search_batch([query], k=k, where=where)[0]
        if answer.problem is not None:
            raise QueryError(answer.problem)
        return answer

    def search_batch(self, queries: Sequence[Query], *, k: int, where: str | None = None) -> list[Answer]:
        """An answer per query, in their order; one that cannot be answered says so in `problem`.

        Raises QueryError for what concerns all of them: a wrong filter or `k`.
        """
        if isinstance(k, bool) or not isinstance(k, int) or not 1 <= k <= MAX_K:
            raise QueryError(f"k must be a whole number from 1 to {MAX_K}, not {k!r}")
        condition = to_where(where)
        passing = cache(lambda: self._table.passing(condition))  # asked only where nothing is found

        def why_nothing(content: QueryContent) -> str:
            return no_result_note(content.text, where if condition else None, passing())

        answers: list[Answer] = []
        for start in range(0, len(queries), _BATCH):
            part = queries[start : start + _BATCH]
            answers.extend(self._answer_batch(part, k, condition, why_nothing))
        return answers

    def _answer_batch(
        self, queries: Sequence[Query], k: int, where: str | None, why_nothing: Callable[[QueryContent], str]
    ) -> Iterator[Answer]:
        begun = time.perf_counter()
        contents, problems = self._prepare(queries)
        rows = sorted(contents)
        asked = [contents[row] for row in rows]
        batch, unread = self._encoders.encode(asked, self._modalities)
        problems |= {rows[place]: reason for place, reason in unread.items()}
        depth = max(k, self._manifest.retrieval.depth)
        rankings = rank(self._table, self._model, asked, batch, depth=depth, where=where)
        problems |= {
            row: f"this release cannot answer a query of {contents[row].kind}: with these weights it reads "
            f"{', '.join(self._modalities)} only"
            for row, ranking in zip(rows, rankings, strict=True)
            if not ranking and row not in problems
        }
        fused = {
            row: fuse(ranking, contents[row].weights, self._manifest.retrieval.rrf_k)[:k]
            for row, ranking in zip(rows, rankings, strict=True)
            if row not in problems
        }
        payload = self._table.rows([key for best in fused.values() for key, _ in best])
        place = {row: number for number, row in enumerate(rows)}
        took_ms = (time.perf_counter() - begun) * 1000 / len(queries)
        for row, query in enumerate(queries):
            answered = row in fused
            yield Answer(
                hits=ranked_hits(fused[row], rankings[place[row]], payload) if answered else (),
                release_id=self._manifest.release_id,
                took_ms=took_ms,
                kind=contents[row].kind if row in contents else "",
                query_id=query.query_id,
                problem=problems.get(row),
                transcript=contents[row].transcript if row in contents else None,
                note=why_nothing(contents[row]) if answered and not fused[row] else None,
            )

    def _prepare(self, queries: Sequence[Query]) -> tuple[dict[int, QueryContent], dict[int, str]]:
        contents: dict[int, QueryContent] = {}
        problems: dict[int, str] = {}
        for row, query in enumerate(queries):
            try:
                contents[row] = prepare(query, self._manifest.retrieval, self._hearing)
            except QueryError as error:
                problems[row] = str(error)
        return contents, problems


def _open_table(manifest: ReleaseManifest, index: SearchIndex, width: int) -> PinnedTable:
    pin = manifest.index
    if pin is None:
        raise ReleaseMismatchError(f"release {manifest.release_id} has no index yet: publish one for it")
    table = index.open(pin.table, pin.tag)
    _same_version(table, pin)
    found = table.vector_columns.get(VECTOR)
    if found != width:
        raise ReleaseMismatchError(f"the index holds vectors of width {found}, the model makes {width}")
    return table


def _open_ears(manifest: ReleaseManifest, table: PinnedTable, model_dir: Path) -> "Recogniser":
    from mmsearch_dagster.adapters.speech.pocketsphinx import open_recogniser

    return open_recogniser(manifest.recogniser, lambda: _language(manifest, table, model_dir))


def _language(manifest: ReleaseManifest, table: PinnedTable, model_dir: Path) -> "Language":
    from mmsearch_dagster.core.speech.language import COLUMNS, LANGUAGE_FILE, Language, shop_language

    if manifest.language is None:
        return shop_language(table.columns(COLUMNS))
    file = model_dir / LANGUAGE_FILE
    try:
        found = Language.from_json(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ReleaseMismatchError(f"{file} cannot be read: {error}") from error
    if found.digest != manifest.language:
        raise ReleaseMismatchError(f"{file} is not the language of {manifest.release_id}")
    return found


def _same_version(table: PinnedTable, pin: IndexPin) -> None:
    if (table.version, table.row_count) != (pin.version, pin.rows):
        raise ReleaseMismatchError(
            f"tag '{pin.tag}' names version {table.version} with {table.row_count} rows, the release was "
            f"made with version {pin.version} of {pin.rows} rows: build the index again"
        )
