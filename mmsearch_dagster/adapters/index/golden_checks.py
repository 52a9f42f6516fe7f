"""Golden queries that an index version must answer before any pointer moves to it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mmsearch_dagster.adapters.index.table import Hit, PinnedTable
from mmsearch_dagster.core.gate.golden_queries import GoldenQuery

# A person wrote each of the reviewed ones; of the measured ones an approximate index may miss a few.
_REVIEWED_SHARE = 1.0
_MEASURED_SHARE = 0.9
_NAMED = 5


@dataclass(frozen=True)
class IndexCheck:
    """One check: its name, whether it holds, and the figures a person wants to see."""

    name: str
    passed: bool
    figures: Mapping[str, float | str]


def check_golden(
    pinned: PinnedTable, reviewed: Sequence[GoldenQuery], measured: Sequence[GoldenQuery]
) -> list[IndexCheck]:
    """Every reviewed query is answered, and nearly all that the evaluation has seen answered."""
    return [
        _check_share("golden_queries", pinned, reviewed, _REVIEWED_SHARE),
        _check_share("measured_queries", pinned, measured, _MEASURED_SHARE),
    ]


def _check_share(name: str, pinned: PinnedTable, queries: Sequence[GoldenQuery], share: float) -> IndexCheck:
    """A query whose products have all left the catalogue says nothing about the index."""
    counted = [query for query in queries if _has_an_answer(pinned, query)]
    missed = [query.name for query in counted if not _finds(pinned, query)]
    with_results = len(counted) - len(missed)
    metrics: dict[str, float | str] = {
        "found": with_results,
        "asked": len(counted),
        "without_product": len(queries) - len(counted),
        "required_share": share,
    }
    if missed:
        metrics["missed"] = ", ".join(f"'{name}'" for name in missed[:_NAMED])
    return IndexCheck(name, with_results >= share * len(counted), metrics)


def _has_an_answer(pinned: PinnedTable, query: GoldenQuery) -> bool:
    if query.where is not None:
        return pinned.passing(query.where) > 0
    return not query.products.isdisjoint(pinned.product_ids)


def _finds(pinned: PinnedTable, query: GoldenQuery) -> bool:
    products = {hit.product_id for hit in _hits(pinned, query, None)}
    if query.where is not None:
        # What passes and is among the first of all is among the first of those that pass.
        return not products.isdisjoint(hit.product_id for hit in _hits(pinned, query, query.where))
    return not query.products.isdisjoint(products)


def _hits(pinned: PinnedTable, query: GoldenQuery, where: str | None) -> list[Hit]:
    words = pinned.lexical(query.text, query.within, where=where) if query.text else []
    if query.vector is None:
        return words
    return words + pinned.nearest(query.vector, query.within, where=where)
