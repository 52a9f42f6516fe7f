"""The validation queries by provenance: those that decide, and those that are measured beside them."""

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from mmsearch_dagster.core.evaluation.judged_queries import JudgedQueries
from mmsearch_dagster.core.evaluation.quality_table import ALL, quality_table
from mmsearch_dagster.core.gate.policy import GatePolicy
from mmsearch_dagster.core.labels.provenance import Provenance, count_provenances

PROVENANCE = "provenance"


@dataclass(frozen=True)
class ValidationQueries:
    """provenance: of the `deciding` queries. counts: of all validation queries, the most trusted first."""

    deciding: JudgedQueries
    others: tuple[tuple[Provenance, JudgedQueries], ...]
    provenance: Provenance
    counts: dict[Provenance, int]

    @classmethod
    def of(cls, queries: JudgedQueries, policy: GatePolicy) -> "ValidationQueries":
        """All validation queries, parted as the policy says."""
        counts = count_provenances(queries.provenance)
        deciding = policy.deciding(counts)
        others: list[tuple[Provenance, JudgedQueries]] = [
            (name, queries.of_provenance(name)) for name in counts if name != deciding
        ]
        return cls(queries.of_provenance(deciding), tuple(others), deciding, counts)

    def table(
        self, values: pl.DataFrame, measure: Callable[[JudgedQueries], pl.DataFrame], policy: GatePolicy
    ) -> pl.DataFrame:
        """Metrics per provenance and retriever.

        Args:
            values: of the deciding queries, as `all_values` gives them.
            measure: gives the same of other queries.
            policy: names the main metric and its interval.

        Returns:
            The rows of `quality_table` over all kinds of query, with the columns `provenance` and `decides`.
        """
        parts = [(self.provenance, values), *((name, measure(queries)) for name, queries in self.others)]
        return pl.concat(
            [
                quality_table(part, policy)
                .filter(pl.col("kind") == ALL)
                .drop("kind")
                .select(
                    pl.lit(name).alias(PROVENANCE), pl.lit(name == self.provenance).alias("decides"), pl.all()
                )
                for name, part in parts
            ],
            how="diagonal",
        )
