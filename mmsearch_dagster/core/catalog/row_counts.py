"""How many rows of a table were kept, quarantined, left out or left with an empty value, in words."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict

_REASONS = 3
_LEFT = 0.5


class RowCounts(BaseModel):
    """What became of the rows of one table.

    reasons, left_out, emptied: sentence -> number of rows. unknown: what may be wrong with ids that the
    catalogue does not have. concerns: what a person should look at.
    """

    model_config = ConfigDict(frozen=True)

    table: str
    kept: int
    quarantined: int
    reasons: tuple[tuple[str, int], ...] = ()
    left_out: Mapping[str, int] = {}
    emptied: tuple[tuple[str, int], ...] = ()
    unknown: str | None = None
    concerns: tuple[str, ...] = ()

    @property
    def is_notable(self) -> bool:
        """Whether there is more to say than how many rows were kept."""
        return bool(self.quarantined or self.left_out or self.emptied or self.concerns)

    def compared_with(self, before: int) -> "RowCounts":
        """The counts, with a concern where fewer than half of the rows of the release before are left.

        Args:
            before: rows of the release before.
        """
        if self.kept >= _LEFT * before:
            return self
        concern = f"only {self.kept:,} rows, the release before had {before:,}: was the file cut off?"
        return self.model_copy(update={"concerns": (*self.concerns, concern)})

    def lines(self, command: str) -> list[str]:
        """Sentences for the end of a run.

        Args:
            command: what shows the rows themselves.
        """
        lines = [f"{self.table}: {self.kept:,} rows kept{self._quarantine(command)}"]
        lines += [f"  left out: {count:,}, {sentence}" for sentence, count in _by_count(self.left_out)]
        if self.left_out and self.unknown:
            lines.append(f"  unknown products: {self.unknown}")
        shown = self.emptied[:_REASONS]
        lines += [f"  left empty in {count:,} rows that are kept: {sentence}" for sentence, count in shown]
        if self.emptied and not self.quarantined:
            lines.append(f"  {command} shows them")
        return [*lines, *(f"  look here: {concern}" for concern in self.concerns)]

    def _quarantine(self, command: str) -> str:
        if not self.quarantined:
            return ", none quarantined"
        why = "; ".join(f"{reason} ({count:,})" for reason, count in self.reasons[:_REASONS])
        return f", {self.quarantined:,} quarantined: {why}. {command} shows them"


def _by_count(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def counts_of(table: str, facts: Mapping[str, Any], *, kept: int) -> RowCounts:
    """The counts that a step has stored with its snapshot.

    Args:
        table: name of a contract table.
        facts: of the quarantine of the table, or of the table.
        kept: rows that go on.
    """
    return RowCounts(
        table=table,
        kept=kept,
        quarantined=int(facts.get("quarantined", facts.get("rows", 0))),
        reasons=facts.get("reasons", ()),
        left_out=facts.get("dropped", {}),
        emptied=facts.get("emptied", ()),
        unknown=facts.get("unknown"),
        concerns=facts.get("concerns", ()),
    )
