"""A change that a person, or a trigger, should know of; and what all of them say together."""

from collections.abc import Sequence
from dataclasses import dataclass

DATA, EMBEDDING, BEHAVIOUR = "data drift", "embedding drift", "behaviour drift"


@dataclass(frozen=True)
class Finding:
    """One figure beyond its bound, and surely so.

    kind: DATA, EMBEDDING or BEHAVIOUR. subject: the column, modality or share. measure: name of the figure.
    p: chance of such a figure in unchanged data, corrected for all tests of the monitor; NaN where an
    interval decided.
    """

    kind: str
    subject: str
    measure: str
    value: float
    bound: float
    p: float = float("nan")

    @property
    def text(self) -> str:
        """For a run's tag and for people.

        >>> Finding(EMBEDDING, "image", "AUC", 0.714, 0.6).text
        'embedding drift in image, AUC 0.71 > 0.6'
        """
        sign = ">" if self.value >= self.bound else "<"
        return f"{self.kind} in {self.subject}, {self.measure} {self.value:.2f} {sign} {self.bound:g}"


def verdict(findings: Sequence[Finding], *, unchanged: str) -> str:
    """One sentence for a monitor's page.

    Args:
        findings: of one monitor, in the order in which they are told.
        unchanged: the sentence where there is none.

    Returns:
        What moved and by how much, each subject once.
    """
    subjects = list(dict.fromkeys(finding.subject for finding in findings))
    parts = [
        f"{subject} ({', '.join(_figure(each) for each in findings if each.subject == subject)})"
        for subject in subjects
    ]
    return f"moved since the release: {', '.join(parts)}" if parts else unchanged


def _figure(finding: Finding) -> str:
    return f"{finding.measure} {finding.value:.2f}, bound {finding.bound:g}"
