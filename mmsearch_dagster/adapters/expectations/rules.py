"""Reviewed expectations as records: what each rule asks of a table, how severe it is, and why it is there."""

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from mmsearch_dagster.core.catalog.schemas import TABLES
from mmsearch_dagster.core.errors import ConfigError, PolicyError
from mmsearch_dagster.core.suggest import did_you_mean
from mmsearch_dagster.core.yaml_text import load_yaml

Severity = Literal["error", "warn"]

_PREFIXES = ("expect_column_values_to_", "expect_column_", "expect_")
_COLUMN_KEYS = ("column", "column_A", "column_B")


_LOST_PRODUCTS = 0.3


class Rule(BaseModel):
    """One expectation.

    type: Great Expectations' name of it; kwargs: its arguments.
    severity: rows that break an `error` rule go to quarantine, and one about the whole table stops the run;
        `warn` is only reported.
    name: a unique slug, made from column and type when left out.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: str = Field(pattern=r"^expect_[a-z_]+$")
    kwargs: dict[str, Any] = {}
    severity: Severity
    why: str = Field(min_length=10)
    name: str = Field(default="", pattern=r"^[a-z0-9_]*$")

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that the rule reads; none for a rule about the whole table."""
        single = [self.kwargs[key] for key in _COLUMN_KEYS if key in self.kwargs]
        return (*single, *self.kwargs.get("column_list", ()))

    @property
    def slug(self) -> str:
        """`<columns>_<what is expected>`."""
        what = self.type
        for prefix in _PREFIXES:
            what = what.removeprefix(prefix)
        return "_".join((*self.columns, what))


class ExpectationSuite(BaseModel):
    """All rules of one table.

    max_quarantined_share: of broken rows; above it the run stops (0 to 1). max_lost_share: of the rows of the
    release that answers (0 to 1); where more is gone the run stops. Left out: 0.3 for products, else any.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    table: str
    max_quarantined_share: float = Field(ge=0, le=1)
    max_lost_share: float | None = Field(default=None, ge=0, le=1)
    rules: tuple[Rule, ...] = Field(min_length=1)

    @property
    def lost_share(self) -> float | None:
        """The largest share of rows that may be gone since the release, None where any may."""
        usual = _LOST_PRODUCTS if self.table == "products" else None
        return usual if self.max_lost_share is None else self.max_lost_share

    @field_validator("rules")
    @classmethod
    def _name_them_apart(cls, rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
        names: list[str] = []
        for rule in rules:
            wanted = rule.name or rule.slug
            taken = sum(name == wanted or name.startswith(f"{wanted}_no") for name in names)
            names.append(f"{wanted}_no{taken + 1}" if taken else wanted)
        return tuple(rule.model_copy(update={"name": name}) for rule, name in zip(rules, names, strict=True))

    @model_validator(mode="after")
    def _columns_exist(self) -> "ExpectationSuite":
        if self.table not in TABLES:
            raise ValueError(f"unknown table '{self.table}'; {did_you_mean(self.table, TABLES)}")
        scalar = [name for name, kind in TABLES[self.table].items() if not kind.is_nested()]
        for rule in self.rules:
            for column in rule.columns:
                if column not in scalar:
                    hint = did_you_mean(column, scalar)
                    raise ValueError(f"rule {rule.name}: no scalar column '{column}' in {self.table}; {hint}")
        return self


class RuleOutcome(BaseModel):
    """The outcome of one rule. percent: of the rows that hold a value, 0 to 100."""

    model_config = ConfigDict(frozen=True)

    name: str
    type: str
    column: str | None
    severity: Severity
    why: str
    success: bool
    observed: float | str | None
    unexpected_count: int
    unexpected_percent: float


class RuleResult(RuleOutcome):
    """An outcome with the rows (indices into the frame) that break the rule, `mostly` or not."""

    unexpected_rows: tuple[int, ...]


class SuiteResult(BaseModel):
    """The results of a whole suite, rule by rule in the suite's order."""

    model_config = ConfigDict(frozen=True)

    results: tuple[RuleResult, ...]

    @property
    def success(self) -> bool:
        """Whether every rule of severity error holds."""
        return all(result.success for result in self.results if result.severity == "error")

    def outcomes(self) -> tuple[RuleOutcome, ...]:
        """The outcomes without the lists of rows."""
        return tuple(RuleOutcome(**result.model_dump(exclude={"unexpected_rows"})) for result in self.results)

    def flagged_rows(self) -> dict[int, list[str]]:
        """Row index -> why it goes to quarantine, from the rules of severity error."""
        flagged: dict[int, list[str]] = {}
        for result in self.results:
            reason = f"{result.column}: {result.why}" if result.column else result.why
            for row in result.unexpected_rows if result.severity == "error" else ():
                flagged.setdefault(row, []).append(reason)
        return flagged


def check_whole_table(suite: ExpectationSuite, observed: SuiteResult) -> None:
    """Refuses a table that breaks a rule of severity error about the whole table: no single row is to blame.

    Raises:
        PolicyError: the message names each such rule and what was observed.
    """
    failed = [
        f"{result.name} (observed: {result.observed}): {result.why}"
        for result in observed.results
        if result.severity == "error" and not result.success and result.column is None
    ]
    if failed:
        policy = f"expectations/{suite.table}.yaml"
        raise PolicyError(f"{suite.table}: {' '.join(failed)} Mend the export or the rule in {policy}.")


def parse_suite(text: str, where: str) -> ExpectationSuite:
    """The suite in a YAML text; `where` names the file in messages.

    Types of expectations are checked when the suite runs.

    Raises:
        ConfigError: YAML that cannot be read, an unknown key (with the nearest valid one), an unknown column,
            or a value of the wrong kind.
    """
    document = load_yaml(text, where)
    try:
        return ExpectationSuite.model_validate(document)
    except ValidationError as error:
        raise ConfigError(f"{where}: {_first_line(error)}") from error


def _first_line(error: ValidationError) -> str:
    first = error.errors()[0]
    path: Sequence[str] = [str(part) for part in first["loc"]]
    if first["type"] == "extra_forbidden":
        model = Rule if len(path) > 1 else ExpectationSuite
        return f"unknown key '{'.'.join(path)}'; {did_you_mean(path[-1], model.model_fields)}"
    message = first["msg"].removeprefix("Value error, ")
    return f"{'.'.join(path)}: {message}" if path else message
