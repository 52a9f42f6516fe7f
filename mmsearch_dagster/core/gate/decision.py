"""What goes into the gate and what comes out of it, both as records that can be stored."""

from pydantic import BaseModel, ConfigDict, model_validator

from mmsearch_dagster.core.digest import digest_of
from mmsearch_dagster.core.labels.provenance import JUDGED, Provenance


class AttributeExposure(BaseModel):
    """Exposure of the values of one attribute (brand, category, ...), query by query.

    values: of the attribute; the columns of the rest. candidate, champion: query id -> exposure in the first
    ten results. merit: the same in an order by judged grade. champion: empty where it cannot be measured.
    """

    model_config = ConfigDict(frozen=True)

    values: tuple[str, ...]
    candidate: dict[str, tuple[float, ...]]
    champion: dict[str, tuple[float, ...]]
    merit: dict[str, tuple[float, ...]]


class EvaluationMetrics(BaseModel):
    """Per-query values of the policy's metric on the queries that decide; query id -> value.

    weights_sha256: of the candidate whose values these are.
    kinds: query id -> kind of query (words, picture, both); names the queries.
    engine: the candidate as it would be released: fused vector and full-text search, blended.
    fused: the candidate's fused vector alone, on the queries that the engine leaves to it.
    branches: each single retriever alone: raw encoders by modality, and `bm25`; 0 where it cannot answer.
    champion: the released engine on the validation queries, which it did not learn from either; None when
        there is none or it cannot be compared.
    provenance: how the answers to these queries are known; counts: how many validation queries there are of
    each provenance, those that do not decide too.
    slices: name -> ids of the validation queries in it, each held against the champion by itself.
    exposure: attribute of products -> how exposure spreads over its values, on the validation queries.
    champion_note: why a champion was not measured again; its values, if any, are those of its own evaluation.
    """

    model_config = ConfigDict(frozen=True)

    weights_sha256: str
    kinds: dict[str, str]
    engine: dict[str, float]
    fused: dict[str, float]
    branches: dict[str, dict[str, float]]
    champion: dict[str, float] | None = None
    champion_note: str | None = None
    provenance: Provenance = JUDGED
    counts: dict[Provenance, int] = {}
    slices: dict[str, tuple[str, ...]] = {}
    exposure: dict[str, AttributeExposure] = {}

    def digest(self) -> str:
        """Names these figures; a decision carries it."""
        return digest_of(self.model_dump())


class Reason(BaseModel):
    """One rule's answer: the measured value, the limit, and both as a sentence.

    binding: whether a decision that passes needs it. cannot_tell: too few queries to say; that is no pass.
    """

    model_config = ConfigDict(frozen=True, ser_json_inf_nan="strings")

    rule: str
    passed: bool
    figure: float
    limit: float
    text: str
    binding: bool = True
    cannot_tell: bool = False

    @property
    def refuses(self) -> bool:
        """Whether it keeps the decision from being a pass."""
        return self.binding and not self.passed


class Decision(BaseModel):
    """What the gate decided about one set of weights on one report, under one policy.

    serving_digest: names the figures of its index and its time of a search; None before there is an index.
    """

    model_config = ConfigDict(frozen=True, ser_json_inf_nan="strings")

    passed: bool
    reasons: tuple[Reason, ...]
    weights_sha256: str
    report_digest: str
    policy_digest: str
    serving_digest: str | None = None

    @model_validator(mode="after")
    def _consistent(self) -> "Decision":
        if self.passed != (bool(self.reasons) and not any(reason.refuses for reason in self.reasons)):
            raise ValueError("a decision passes exactly when every one of its binding reasons does")
        return self

    @property
    def refusals(self) -> tuple[str, ...]:
        """The sentences of the rules that failed."""
        return tuple(reason.text for reason in self.reasons if reason.refuses)

    def figures(self) -> dict[str, float]:
        """Rule -> figure, for a ledger line."""
        return {reason.rule: reason.figure for reason in self.reasons}

    def extends(self, other: "Decision") -> bool:
        """Whether it says all that the other says, of the same figures under the same policy."""
        same = (self.weights_sha256, self.report_digest, self.policy_digest)
        begins = self.reasons[: len(other.reasons)] == other.reasons
        return begins and same == (other.weights_sha256, other.report_digest, other.policy_digest)

    def to_json(self) -> str:
        """As text, NaN included."""
        return self.model_dump_json()

    @classmethod
    def from_json(cls, text: str) -> "Decision":
        """Raises pydantic's ValidationError (a ValueError) for what no gate has written."""
        return cls.model_validate_json(text)
