"""A drafted mapping of one file: what was understood, how sure, and what was left out."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from mmsearch_dagster.core.catalog.columns import MEDIA_COLUMNS

Sureness = Literal["sure", "likely", "guess"]
# Before the columns of the file itself, joined to it by a key that stands in several rows.
BESIDE = "rows."


@dataclass(frozen=True)
class FileLook:
    """What can be seen of a file without a mapping.

    columns: its names. examples: column -> a value. filled: column -> share of rows with a value, 0 to 1.
    hosts: column -> the hosts of the addresses in it. unique: columns no value of which stands twice.
    roots: column of category paths -> the first level that all of them have. facets: columns of short texts
    that stand in many rows each, such as colours.
    """

    path: str
    columns: Sequence[str]
    examples: Mapping[str, str] = field(default_factory=dict)
    filled: Mapping[str, float] = field(default_factory=dict)
    hosts: Mapping[str, Sequence[str]] = field(default_factory=dict)
    unique: frozenset[str] = frozenset()
    roots: Mapping[str, str] = field(default_factory=dict)
    facets: frozenset[str] = frozenset()

    def has(self, *names: str) -> bool:
        """Whether the file has all these columns."""
        return set(names) <= set(self.columns)

    def present(self, *names: str) -> list[str]:
        """Those of the names that are columns with a value."""
        return [name for name in names if name in self.columns and self.filled.get(name, 1.0) > 0]


@dataclass(frozen=True)
class RecognisedColumn:
    """One column: its example, the contract column that it feeds, and how sure that is."""

    column: str
    example: str
    contract: str
    sureness: Sureness


@dataclass(frozen=True)
class TableDraft:
    """A mapping of one file for review. kind: what the export was recognised as.

    mapping: the keys of the file in `source.yaml` besides its path and how it is written.
    """

    kind: str
    table: str
    mapping: dict[str, Any]
    sureness: Sureness

    def understood(self, look: FileLook) -> list[RecognisedColumn]:
        """The columns that feed the contract, in the order of the mapping."""
        rows = []
        for contract, feed in self.mapping.get("columns", {}).items():
            rows += [
                RecognisedColumn(column, look.examples.get(column, ""), _shown(contract, feed), self.sureness)
                for column in inputs_of(feed)
            ]
        rows += [
            RecognisedColumn(f"({value})", "", contract, self.sureness)
            for contract, value in self.mapping.get("constants", {}).items()
        ]
        return rows

    def media_hosts(self, look: FileLook) -> list[str]:
        """Hosts that pictures, sounds and videos lie at."""
        feeds = [self.mapping.get("columns", {}).get(name, []) for name in MEDIA_COLUMNS]
        columns = [column.removeprefix(BESIDE) for feed in feeds for column in inputs_of(feed)]
        return sorted({host for column in columns for host in look.hosts.get(column, ())})

    def left_out(self, look: FileLook) -> list[str]:
        """Columns that nothing reads."""
        used = {row.column for row in self.understood(look)}
        used |= {name.removeprefix(BESIDE) for name in used}
        for key in ("where", "where_product", "fill"):
            used |= set(self.mapping.get(key, ()))
        for key in ("group_by", "children", "nested"):
            used |= set(inputs_of(self.mapping.get(key, [])))
        return [name for name in look.columns if name not in used]


def _shown(contract: str, feed: Any) -> str:
    """The contract's column, and what is left out of it."""
    root = feed.get("root") if isinstance(feed, dict) else None
    return f"{contract} (without '{root}')" if root else contract


def inputs_of(feed: Any) -> list[str]:
    """The file's columns that a column's mapping names, as a draft writes it."""
    if isinstance(feed, str):
        return [feed]
    if isinstance(feed, list):
        return feed
    if {"column", "names", "template"} & set(feed):
        in_braces = re.findall(r"\{([^{}]*)\}", feed.get("template", ""))
        return [*inputs_of(feed.get("names", [])), *inputs_of(feed.get("column", [])), *in_braces]
    return [name for inner in feed.values() for name in inputs_of(inner)]
