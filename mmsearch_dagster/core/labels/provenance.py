"""How we know which products answer a query. It travels with the query from the source to the report."""

from collections.abc import Iterable, Mapping
from typing import Literal, get_args

Provenance = Literal["judged", "log", "catalogue", "review"]

JUDGED: Provenance = "judged"
LOG: Provenance = "log"
CATALOGUE: Provenance = "catalogue"
REVIEW: Provenance = "review"
# The most trusted first.
PROVENANCES: tuple[Provenance, ...] = get_args(Provenance)
# How often a query of each provenance trains a model: judged queries are worth more than synthetic ones.
PROVENANCE_SHARES: Mapping[Provenance, float] = {JUDGED: 0.5, LOG: 0.15, CATALOGUE: 0.35, REVIEW: 0.05}

_PHRASES: Mapping[Provenance, str] = {
    "judged": "judged by people",
    "log": "graded by clicks, carts and purchases of the log",
    "catalogue": "made from the catalogue, judged by nobody",
    "review": "sentences of reviews, judged by nobody",
}
# Names that version 0.1 stored.
_EARLIER_NAMES: Mapping[str, Provenance] = {"logged": LOG, "pairs": CATALOGUE, "attributes": CATALOGUE}


def provenance_phrase(provenance: Provenance) -> str:
    """What follows `20 queries, ` in a sentence for people."""
    return _PHRASES[provenance]


def stored_provenance(name: str) -> Provenance:
    """The provenance under a name that this version or an earlier one stored.

    Raises:
        ValueError: no version has stored such a name.
    """
    if name in PROVENANCES:
        return name
    if name in _EARLIER_NAMES:
        return _EARLIER_NAMES[name]
    raise ValueError(f"unknown provenance of a query: {name}")


def count_provenances(provenances: Iterable[Provenance]) -> dict[Provenance, int]:
    """How many queries there are of each provenance, the most trusted first; none are left out."""
    listed = list(provenances)
    counts: dict[Provenance, int] = {name: listed.count(name) for name in PROVENANCES}
    return {name: count for name, count in counts.items() if count}
