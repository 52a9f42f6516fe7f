"""The ledger as people read it: what happened, why, on what figures, and how it is undone."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from mmsearch_dagster.adapters.registry.ledger import MOVES, Ledger, LedgerLine
from mmsearch_dagster.pipeline.workspace import Workspace


@dataclass(frozen=True)
class HistoryRow:
    """A line of the ledger. undo: the command that takes it back; empty where there is none."""

    line: LedgerLine
    undo: str

    @property
    def figures(self) -> str:
        """The figures of the gate, for people."""
        named = [(name, value) for name, value in self.line.figures.items() if isinstance(value, int | float)]
        return ", ".join(f"{name} {value:.3f}" for name, value in named)


def history_of(lines: Sequence[LedgerLine], registered: Collection[str]) -> list[HistoryRow]:
    """The rows of a history, newest first.

    Args:
        lines: of the ledger, oldest first.
        registered: release ids that are still there to go back to.
    """
    rows, before = [], None
    for line in lines:
        rows.append(HistoryRow(line, _undo(line, before if before in registered else None)))
        if line.action in MOVES:
            before = line.release_id
    return rows[::-1]


def _undo(line: LedgerLine, before: str | None) -> str:
    if line.action == "waiting":
        return f"mmsearch approve {line.model_version}"
    if line.action in MOVES and before not in (None, line.release_id):
        return f"mmsearch rollback {before}"
    return ""


def line_count(workspace: Workspace) -> int:
    """How many lines the ledger has; MLflow is not asked."""
    return len(Ledger(workspace.paths.ledger).lines())


def history(workspace: Workspace) -> list[HistoryRow]:
    """Of one home, newest first."""
    lines = Ledger(workspace.paths.ledger).lines()
    registered = workspace.registry.releases() if workspace.paths.mlflow.is_dir() else []
    return history_of(lines, {row.manifest.release_id for row in registered})
