"""What the gate asks for: assets/policies/gate.yaml as records."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from mmsearch_dagster.core.config_file import parse_reviewed
from mmsearch_dagster.core.digest import digest_of
from mmsearch_dagster.core.labels.provenance import JUDGED, PROVENANCES, Provenance
from mmsearch_dagster.core.metrics.ranking import check_metric

# Keys of `champion` in policies until 0.2.0 -> those of `slices.kind`.
_FORMER_KIND = {"max_drop_per_kind": "max_drop", "min_queries_per_kind": "min_queries"}


class SingleBranchRule(BaseModel):
    """What the candidate must show against its best single retriever.

    choose: `overall` takes the retriever with the best mean over all queries; `per_kind` takes the best one
        for each kind of query, as a shop without fusion would route them (stricter).
    max_uncertainty: the low end of the interval of the difference may lie this far below zero.
    ceiling: a retriever with this mean leaves no room; beside it a draw is enough, as in a shop with a
        single retriever: the mean difference may lie max_uncertainty below zero, and the interval must
        reach zero.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    choose: Literal["overall", "per_kind"] = "per_kind"
    max_uncertainty: float = Field(default=0.02, ge=0.0, le=1.0)
    ceiling: float = Field(default=0.99, ge=0.0, le=1.0)


class ChampionRule(BaseModel):
    """How far the candidate may fall behind the champion.

    max_drop: the low end of the interval of candidate - champion must be at least minus this.
    not_comparable: `pass` or `refuse` when there is a champion that these queries cannot measure, and whose
        own evaluation was about others.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    max_drop: float = Field(default=0.02, ge=0.0, le=1.0)
    not_comparable: Literal["pass", "refuse"] = "pass"


class SliceRule(BaseModel):
    """What is asked of one slice of the queries, against the champion.

    max_drop: its mean may drop by this much, or by more where the drop may be chance. min_queries: with
    fewer nobody can tell. required: then a slice that nobody can tell about is a refusal.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    max_drop: float = Field(default=0.05, ge=0.0, le=1.0)
    min_queries: int = Field(default=20, ge=2)
    required: bool = False


class SliceRules(BaseModel):
    """One rule per group of slices (core.gate.query_slices)."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    kind: SliceRule = SliceRule()
    language: SliceRule = SliceRule()
    category: SliceRule = SliceRule()
    missing: SliceRule = SliceRule()
    cold_items: SliceRule = SliceRule()
    long_tail: SliceRule = SliceRule()

    def of(self, name: str) -> SliceRule:
        """The rule of a slice named `group` or `group=value`."""
        return getattr(self, name.partition("=")[0], SliceRule())


class ExposureRule(BaseModel):
    """How much less fairly a candidate may spread exposure over one attribute (core.gate.exposure).

    max_rise: the unfairness may be this much above the champion's, or more where the rise may be chance.
    min_queries: with fewer nobody can tell. required: then that is a refusal.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    max_rise: float = Field(default=0.1, ge=0.0, le=1.0)
    min_queries: int = Field(default=20, ge=2)
    required: bool = False


class ExposureRules(BaseModel):
    """One rule per attribute of the products (core.gate.product_groups)."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    brand: ExposureRule = ExposureRule()
    category: ExposureRule = ExposureRule()
    popularity: ExposureRule = ExposureRule()

    def of(self, attribute: str) -> ExposureRule:
        """The rule of an attribute."""
        return getattr(self, attribute, ExposureRule())


class IndexRule(BaseModel):
    """What is asked of the index version.

    min_recall: recall@10 of its vector search against exact search. max_size_ratio: bytes per product over
    the champion's; an index that is not `slack_mb` larger than the champion's would be at its number of
    products is never too large.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    min_recall: float = Field(default=0.98, ge=0.0, le=1.0)
    max_size_ratio: float = Field(default=2.0, gt=0.0)
    slack_mb: float = Field(default=50.0, ge=0.0)


class LatencyRule(BaseModel):
    """What is asked of the time of a search, measured in turns with the champion.

    decides: whether a slow candidate is refused, or the figure is only reported. max_ratio: of the two times
    of a query, the typical one over all queries. slack_ms: a search that takes no more than this longer is
    never too slow. min_queries: with fewer nobody can tell.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    decides: bool = True
    max_ratio: float = Field(default=2.0, gt=0.0)
    slack_ms: float = Field(default=50.0, ge=0.0)
    min_queries: int = Field(default=5, ge=2)


class ProvenanceRule(BaseModel):
    """Whether queries whose answers are known in one way may decide, and from how many on.

    min_queries: None for the policy's own.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    may_decide: bool = True
    min_queries: int | None = Field(default=None, ge=1)


class ProvenanceRules(BaseModel):
    """One rule per provenance, the most trusted first; the first that has enough queries decides alone."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    judged: ProvenanceRule = ProvenanceRule()
    log: ProvenanceRule = ProvenanceRule(min_queries=50)
    catalogue: ProvenanceRule = ProvenanceRule()
    review: ProvenanceRule = ProvenanceRule(may_decide=False)


class GatePolicy(BaseModel):
    """assets/policies/gate.yaml as read; an unknown key is an error.

    promotion: `auto` releases what passes; `review` lets it wait until a person approves it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    promotion: Literal["auto", "review"] = "auto"
    metric: str = "ndcg@10"
    confidence: float = Field(default=0.95, gt=0.0, lt=1.0)
    resamples: int = Field(default=2000, ge=100, le=100_000)
    seed: int = Field(default=7, ge=0)
    min_queries: int = Field(default=20, ge=1)
    floor: float = Field(default=0.1, ge=0.0, le=1.0)
    single_branch: SingleBranchRule = SingleBranchRule()
    champion: ChampionRule = ChampionRule()
    provenance: ProvenanceRules = ProvenanceRules()
    slices: SliceRules = SliceRules()
    exposure: ExposureRules = ExposureRules()
    index: IndexRule = IndexRule()
    latency: LatencyRule = LatencyRule()

    @property
    def rules(self) -> dict[str, Any]:
        """What a decision follows from; whether a person is asked afterwards is no part of it."""
        return self.model_dump(exclude={"promotion"})

    def min_queries_of(self, provenance: Provenance) -> int:
        """How many queries of a provenance are enough to decide."""
        rule: ProvenanceRule = getattr(self.provenance, provenance)
        return self.min_queries if rule.min_queries is None else rule.min_queries

    @property
    def provenance_digest(self) -> str:
        """Of all that says which queries decide."""
        return digest_of({"rules": self.provenance.model_dump(), "min_queries": self.min_queries})

    def deciding(self, counts: Mapping[Provenance, int]) -> Provenance:
        """The provenance whose queries decide: the most trusted one that may and that has enough of them.

        Args:
            counts: how many validation queries there are of each provenance.

        Returns:
            Where none has enough: of those that may decide the one that lacks the fewest, which is too few.
        """
        allowed: list[Provenance] = [
            name for name in PROVENANCES if getattr(self.provenance, name).may_decide
        ] or [JUDGED]
        missing: dict[Provenance, int] = {
            name: max(0, self.min_queries_of(name) - counts.get(name, 0)) for name in allowed
        }
        return min(allowed, key=missing.__getitem__)

    @model_validator(mode="before")
    @classmethod
    def _read_former(cls, document: Any) -> Any:
        """Until 0.2.0 the kinds of query had their margin in `champion`; now they are slices like others."""
        champion = document.get("champion") if isinstance(document, dict) else None
        if not isinstance(champion, dict) or not champion.keys() & _FORMER_KIND.keys():
            return document
        kind = {_FORMER_KIND[key]: value for key, value in champion.items() if key in _FORMER_KIND}
        rest = {key: value for key, value in champion.items() if key not in _FORMER_KIND}
        slices = {"kind": kind, **(document.get("slices") or {})}
        return {**document, "champion": rest, "slices": slices}

    @field_validator("metric")
    @classmethod
    def _metric_exists(cls, name: str) -> str:
        return check_metric(name)


def parse_policy(text: str, where: str) -> GatePolicy:
    """The policy in a YAML text; `where` names it in messages. Raises ConfigError."""
    return parse_reviewed(GatePolicy, text, where, what="gate policy")
