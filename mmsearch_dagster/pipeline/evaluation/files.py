"""The evaluation's snapshot in the lake: its asset, and the files in it."""

ASSET = "evaluation_report"
DECISION = "decision.json"
# One row per query, retriever and metric.
PER_QUERY = "per_query.parquet"
# core.evaluation.quality_table over the validation split; over the test split, in shops that have one.
QUALITY = "quality.parquet"
TESTED = "quality_test.parquet"
BARS = "quality.png"
