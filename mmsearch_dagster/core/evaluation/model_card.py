"""What a model is, for whom, and what it is not good for: a short model card.

Its parts are those of Mitchell et al., Model Cards for Model Reporting, FAT* 2019: details, intended use,
data, evaluation, and limits. Figures by group are the slices of the gate.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mmsearch_dagster.core.gate.decision import Decision
from mmsearch_dagster.core.labels.provenance import Provenance, provenance_phrase
from mmsearch_dagster.core.release import EncoderIdentity


@dataclass(frozen=True)
class ModelCard:
    """A model card's facts.

    rows: table -> rows that it was trained on. queries: that decided, and provenance: how their answers are
    known. decision: the gate's, which says where it is weak.
    """

    catalogue: str
    strategy: str
    encoders: tuple[EncoderIdentity, ...]
    ranking: str | None
    rows: Mapping[str, int]
    queries: int
    provenance: Provenance
    decision: Decision

    @property
    def lines(self) -> list[str]:
        """As a list in Markdown, a line a part."""
        encoders = ", ".join(f"{each.modality} `{_name(each)}`" for each in self.encoders)
        order = f", results ordered by a learned ranker ({self.ranking})" if self.ranking else ""
        rows = ", ".join(f"{count:,} {table}" for table, count in self.rows.items())
        return [
            f"- **Details**: two towers, fusion `{self.strategy}`, over {encoders}{order}.",
            f"- **Intended use**: searching and recommending in the catalogue `{self.catalogue}`. It has "
            "learned this shop's products and people, and says nothing about another's.",
            f"- **Trained on**: {rows or 'nothing'}; people are pseudonyms.",
            f"- **Evaluated on**: {self.queries:,} queries, {provenance_phrase(self.provenance)}.",
            f"- **Limits**: {'; '.join(self._limits)}.",
        ]

    @property
    def _limits(self) -> Sequence[str]:
        reasons = self.decision.reasons
        weak = [reason.rule for reason in reasons if not reason.passed and not reason.cannot_tell]
        unknown = sum(reason.cannot_tell for reason in reasons)
        return [
            f"falls short of `{'`, `'.join(weak)}`" if weak else "no rule of the gate is broken",
            *([f"{unknown} rules had too little to judge by"] if unknown else []),
            "queries about what no validation query is about were not measured",
        ]


def _name(encoder: EncoderIdentity) -> str:
    """As `mmsearch upgrade-encoder` names it."""
    return ":".join(str(encoder.spec[part]) for part in ("library", "model") if part in encoder.spec)
