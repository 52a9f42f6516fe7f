"""The evaluation's snapshot in the lake: its asset, and the files in it."""

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
