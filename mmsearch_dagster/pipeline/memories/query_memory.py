"""The query memory of a shop: fitted to be tried, to be measured, to be released."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from mmsearch_dagster.adapters.lake.lineage import Lineage
from mmsearch_dagster.adapters.lake.snapshots import Snapshot
from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.evaluation.judged_queries import JudgedQueries
from mmsearch_dagster.core.labels.click_grades import choose_click_model
from mmsearch_dagster.core.labels.log_queries import after_searches, begin_of_validation, grades_of
from mmsearch_dagster.core.labels.provenance import JUDGED, LOG
from mmsearch_dagster.core.labels.result_pages import GRADE_OF
from mmsearch_dagster.core.memories.query_fit import (
    joined,
    judged_votes,
    keyed,
    log_votes,
    texts_with_most_reactions,
)
from mmsearch_dagster.core.memories.query_memory import QUERY_MEMORY_FILE, QueryMemory, Votes, query_key
from mmsearch_dagster.core.release import QueryMemoryPin
from mmsearch_dagster.core.retrieval.rank_fusion import WORDS
from mmsearch_dagster.core.retrieval.score_fusion import ScoredList
from mmsearch_dagster.pipeline.training.queries import searched_words
from mmsearch_dagster.pipeline.workspace import Workspace

# Fitted on what trains; QUERY_MEMORY_FILE on the whole log and on dev queries too.
MEASURED_FILE = "query_memory_measured.npz"
# The trial's memory is of the first half of the log, its grades of the second.
_LATER_SHARE = 0.5


@dataclass(frozen=True)
class CameAgain:
    """Logged queries that came again. queries: graded by what came later. votes: by query id, of before."""

    queries: JudgedQueries
    votes: Mapping[str, ScoredList]


@dataclass(frozen=True)
class PastQueries:
    """What a memory is made of.

    log: events after searches, of `fit.keyed`. words: text of a search -> what retrievers read instead.
    train, dev: queries of the examples.
    """

    log: pl.DataFrame
    words: Mapping[str, str]
    train: JudgedQueries
    dev: JudgedQueries

    @classmethod
    def of(
        cls, workspace: Workspace, lineage: Lineage, train: JudgedQueries, dev: JudgedQueries
    ) -> "PastQueries":
        """The log of this lineage beside the training queries."""
        rows = after_searches(lineage["searches"].table(), lineage["interactions"].table())
        texts = texts_with_most_reactions(rows)
        words = searched_words(workspace, lineage["products"].table(), texts) if texts else {}
        return cls(keyed(rows, words), words, train, dev)

    def came_again(self, catalogue: frozenset[str]) -> CameAgain:
        """Logged training queries that people searched for in both halves of the log.

        Args:
            catalogue: the products of now.
        """
        queries = self.train.of_provenance(LOG)
        before, after = self._parts(_LATER_SHARE)
        memory, later = QueryMemory.of(log_votes(before)), grades_of(after, choose_click_model(before))
        votes, grades = dict[str, ScoredList](), dict[str, dict[str, int]]()
        for query_id, text in zip(queries.batch.ids, queries.texts, strict=True):
            words = self.words.get(text or "", text)
            chosen = [vote for vote in memory.votes_for(words) if vote[0] in catalogue]
            graded = later.get(query_key(words), {}).items()
            answers = {product: int(grade) for product, grade in graded if product in catalogue}
            if chosen and answers:
                votes[query_id], grades[query_id] = chosen, answers
        kept = queries.take([row for row, key in enumerate(queries.batch.ids) if key in votes])
        return CameAgain(replace(kept, grades=grades), votes)

    def write(self, folder: Path) -> QueryMemoryPin:
        """Stores the memory that is measured and the one that is released."""
        training, held_out = _judged(self.train), _judged(self.dev)
        QueryMemory.of(joined(training, log_votes(self._parts()[0]))).save(folder / MEASURED_FILE)
        memory = QueryMemory.of(joined(training, held_out, log_votes(self.log)))
        return QueryMemoryPin(sha256=memory.save(folder / QUERY_MEMORY_FILE), queries=len(memory.keys))

    def _parts(self, *share: float) -> tuple[pl.DataFrame, pl.DataFrame]:
        """The log before and after the moment from which on this share of the reactions lies; without a
        share, the one by which the log's queries validate."""
        reactions = self.log.filter(pl.col(col.ACTION).is_in(list(GRADE_OF)))
        if reactions.is_empty():
            return self.log, self.log.clear()
        later = pl.col(col.TIMESTAMP) >= begin_of_validation(reactions, *share)
        return self.log.filter(~later), self.log.filter(later)


def _judged(queries: JudgedQueries) -> Votes:
    """Of the queries that people typed and judged; a filter in the words says more than the words alone."""
    rows = zip(queries.batch.ids, queries.texts, queries.provenance, strict=True)
    return judged_votes(
        (text, queries.grades[key])
        for key, text, provenance in rows
        if text and provenance == JUDGED and queries.kinds[key].partition("[")[0] == WORDS
        if key not in queries.understood or not queries.understood[key].condition
    )


def measured_memory(ranking: Snapshot | None) -> QueryMemory | None:
    """What an evaluation searches, of a snapshot of the ranking; None where there is none."""
    file = ranking.folder / MEASURED_FILE if ranking else None
    return QueryMemory.from_bytes(file.read_bytes()) if file and file.exists() else None
