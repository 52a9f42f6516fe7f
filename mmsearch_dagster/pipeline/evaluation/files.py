"""The evaluation's snapshot in the lake: its asset, the files in it, its facts."""

from mmsearch_dagster.adapters.lake.snapshots import Facts
from mmsearch_dagster.core.fusion.config import Strategy
from mmsearch_dagster.core.labels.provenance import JUDGED, Provenance
from mmsearch_dagster.core.release import RankingPin, RetrievalParams

ASSET = "evaluation_report"
DECISION = "decision.json"
# One row per query, retriever and metric.
PER_QUERY = "per_query.parquet"
# core.evaluation.quality_table over the validation queries that decide; over those of each provenance;
# over the test split, in shops that have one.
QUALITY = "quality.parquet"
BY_PROVENANCE = "quality_by_provenance.parquet"
TESTED = "quality_test.parquet"
BARS = "quality.png"
# Query id -> the first products that the engine to be released answers, of the queries that decide.
ANSWERS = "answers.json"
# What the gate decided on (core.gate.decision.EvaluationMetrics), and queries for a reviewer to look at.
GATE_INPUTS = "gate_inputs.json"
SAMPLES = "sample_queries.json"


class EvaluationFacts(Facts):
    """What later steps read of an evaluation.

    ranking: the learned order that the engine uses, if any. baseline: it is the best single retriever per
    kind. provenance: how the answers to the queries that decided are known. engine: mean of `metric` of the
    engine to be released.
    inputs_digest: of all but the champion; an evaluation of the same inputs is not made again.
    """

    winner: Strategy
    passed: bool
    retrieval: RetrievalParams
    ranking: RankingPin | None = None
    baseline: bool = False
    provenance: Provenance = JUDGED
    metric: str
    engine: float
    inputs_digest: str
