"""A reviewer's tags on a model version in MLflow, and the verdict they give."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

# The tag that a person sets on a version in MLflow's pages, and the sentence beside it.
REVIEW = "review"
NOTE = "review.note"
REVIEWER = "review.by"
# The verdict that was acted upon already.
SETTLED = "mmsearch.review_settled"
PENDING: "State" = "pending"
APPROVED: "State" = "approved"
REJECTED: "State" = "rejected"
# The tag of a deployment job of MLflow 3 has the name of its approval task, which begins like this.
_APPROVAL_TASK = "approval"

State = Literal["pending", "approved", "rejected"]
_STATES: Mapping[str, "State"] = {state: state for state in (APPROVED, REJECTED)}


@dataclass(frozen=True)
class Verdict:
    """What the tags of a version say. note, reviewer: empty where nobody wrote one.

    settled: the state that was acted upon already, if any.
    """

    state: State
    note: str = ""
    reviewer: str = ""
    settled: str | None = None

    @property
    def due(self) -> bool:
        """Whether somebody decided, and nothing followed from it yet."""
        return self.state != PENDING and self.settled != self.state

    @property
    def sentence(self) -> str:
        """For the ledger: the state, by whom, and why."""
        by = f" by {self.reviewer}" if self.reviewer else " in MLflow"
        return f"{self.state}{by}{f': {self.note}' if self.note else ''}"


def verdict_of(tags: Mapping[str, str]) -> Verdict | None:
    """The verdict in the tags of a version; None where it neither waits for one nor has one.

    A rejection counts more than an approval beside it. Whatever else stands in the tag is no verdict.
    """
    states = {_STATES[word] for word in _words(tags) if word in _STATES}
    if not states and REVIEW not in tags:
        return None
    state = REJECTED if REJECTED in states else APPROVED if APPROVED in states else PENDING
    return Verdict(state, tags.get(NOTE, "").strip(), tags.get(REVIEWER, "").strip(), tags.get(SETTLED))


def _words(tags: Mapping[str, str]) -> list[str]:
    """Values of the tag `review` and of the approval tags of deployment jobs, in lower case."""
    return [
        value.strip().casefold()
        for key, value in tags.items()
        if key == REVIEW or key.casefold().startswith(_APPROVAL_TASK)
    ]
