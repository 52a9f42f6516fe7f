"""Great Expectations runs the reviewed suites; its findings come back as plain records.

The suites are read without importing the library (five seconds), so that names of checks are known early.
"""

import datetime as dt
import html
import logging
import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from mmsearch_dagster.adapters.expectations.rules import (
    ExpectationSuite,
    Rule,
    RuleResult,
    SuiteResult,
    parse_suite,
)
from mmsearch_dagster.adapters.lake.snapshots import write_atomically
from mmsearch_dagster.core.errors import ConfigError, reason_of
from mmsearch_dagster.core.suggest import did_you_mean

if TYPE_CHECKING:
    from great_expectations.core import ExpectationSuiteValidationResult, ExpectationValidationResult
    from great_expectations.data_context.types.base import DataContextConfig
    from great_expectations.expectations.expectation import Expectation
    from great_expectations.render.view.view import DefaultJinjaPageView

DOCS_PAGE = "index.html"
# Parts of a result that grow with the broken rows; the page shows the first twenty.
_UNBOUNDED = ("unexpected_list", "unexpected_index_list", "unexpected_index_query")


def load_suite(path: Path) -> ExpectationSuite:
    """The suite in a YAML file. Raises ConfigError naming the file and what is wrong in it."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: the suite cannot be read ({reason_of(error)})") from error
    return parse_suite(text, str(path))


def run_suite(suite: ExpectationSuite, frame: pl.DataFrame, docs_dir: Path | None = None) -> SuiteResult:
    """Runs every rule on the scalar columns of a table.

    Args:
        suite: the rules.
        frame: the table; row indices in the results are positions in it.
        docs_dir: where Data Docs are written: `index.html`, whose styles come from the web (plain offline).

    Returns:
        One result per rule.

    Raises:
        ConfigError: an unknown type of expectation, wrong arguments, or a rule that cannot be run.
    """
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    rules = [(rule, _expectation(rule)) for rule in suite.rules]
    validation = _validate(suite, [expectation for _, expectation in rules], frame)
    result_of = {_rule_name(result): result for result in validation.results}
    if len(result_of) != len(rules):
        raise ConfigError(
            f"suite {suite.table}: {len(rules)} rules were asked, {len(result_of)} were answered"
        )
    results = tuple(_result(rule, result_of[rule.name], frame.height) for rule, _ in rules)
    if docs_dir is not None:
        write_atomically(docs_dir / DOCS_PAGE, _render(validation).encode())
    return SuiteResult(results=results)


def _rule_name(result: "ExpectationValidationResult") -> str:
    config = result.expectation_config
    return config.meta["rule"] if config is not None and config.meta else ""


def _expectation(rule: Rule) -> "Expectation":
    from great_expectations.exceptions.exceptions import ExpectationNotFoundError
    from great_expectations.expectations.registry import (
        get_expectation_impl,
        list_registered_expectation_implementations,
    )

    try:
        expectation = get_expectation_impl(rule.type)
    except ExpectationNotFoundError as error:
        hint = did_you_mean(rule.type, list_registered_expectation_implementations())
        raise ConfigError(f"rule {rule.name}: unknown expectation '{rule.type}'; {hint}") from error
    kwargs = {key: _instant(value) for key, value in rule.kwargs.items()}
    try:
        return expectation(**kwargs, notes=rule.why, meta={"rule": rule.name}, description=_sentence(rule))
    except ValueError as error:
        raise ConfigError(f"rule {rule.name}: {' '.join(str(error).split())}") from error


def _sentence(rule: Rule) -> str:
    """What Data Docs show for a rule: they leave notes out, and a description stands for the whole rule."""
    arguments = ", ".join(f"{name}: {value}" for name, value in rule.kwargs.items())
    return html.escape(f"{rule.type}({arguments}) - {rule.why}")


def _instant(value: Any) -> Any:
    """Dates in YAML as UTC instants, which is what the time columns hold."""
    if isinstance(value, dt.datetime):
        return value if value.tzinfo else value.replace(tzinfo=dt.UTC)
    if isinstance(value, dt.date):
        return dt.datetime(value.year, value.month, value.day, tzinfo=dt.UTC)
    return value


def _validate(
    suite: ExpectationSuite, expectations: list["Expectation"], frame: pl.DataFrame
) -> "ExpectationSuiteValidationResult":
    import great_expectations as gx

    context = gx.get_context(mode="ephemeral", project_config=_quiet_project())
    scalars = [name for name, kind in frame.schema.items() if not kind.is_nested() and name[0] != "_"]
    asset = context.data_sources.add_pandas(suite.table).add_dataframe_asset(suite.table)
    batch = asset.add_batch_definition_whole_dataframe("all").get_batch(
        {"dataframe": frame.select(scalars).to_pandas()}
    )
    gx_suite = gx.ExpectationSuite(name=suite.table, expectations=expectations)
    return batch.validate(gx_suite, result_format={"result_format": "COMPLETE"})


def _quiet_project() -> "DataContextConfig":
    """A project in memory without analytics and progress bars.

    Each setting that is changed in a context afterwards writes the whole project as YAML.
    """
    from great_expectations.data_context.types.base import (
        DataContextConfig,
        InMemoryStoreBackendDefaults,
        ProgressBarsConfig,
    )

    logging.getLogger("great_expectations").setLevel(logging.ERROR)
    return DataContextConfig(
        store_backend_defaults=InMemoryStoreBackendDefaults(),
        analytics_enabled=False,
        progress_bars=ProgressBarsConfig(globally=False),
    )


def _result(rule: Rule, validated: "ExpectationValidationResult", rows: int) -> RuleResult:
    """One rule's finding. A column of an empty table has nothing that could break a rule."""
    vacuous = rows == 0 and bool(rule.columns)
    if not validated.result and not vacuous:
        raise ConfigError(f"rule {rule.name}: could not be evaluated: {_exception_of(validated)}")
    result = validated.result or {}
    _plain_observed(result)
    return RuleResult(
        name=rule.name,
        type=rule.type,
        column=", ".join(rule.columns) or None,
        severity=rule.severity,
        why=rule.why,
        success=bool(validated.success) or vacuous,
        observed=_shown(result.get("observed_value")),
        unexpected_count=int(result.get("unexpected_count") or 0),
        unexpected_percent=round(float(result.get("unexpected_percent") or 0.0), 4),
        unexpected_rows=tuple(int(row) for row in result.get("unexpected_index_list") or ()),
    )


def _plain_observed(result: dict[str, Any]) -> None:
    """The library's own page renderer fails on the numpy scalars that its metrics return."""
    observed = result.get("observed_value")
    if isinstance(observed, np.generic):
        result["observed_value"] = observed.item()


def _shown(observed: Any) -> float | str | None:
    if observed is None or isinstance(observed, int | float):
        return observed
    return str(observed)


def _exception_of(validated: "ExpectationValidationResult") -> str:
    info = validated.exception_info or {}
    parts = [info, *(part for part in info.values() if isinstance(part, dict))]
    messages = [part["exception_message"] for part in parts if part.get("exception_message")]
    return " ".join(str(messages[0]).split()) if messages else "no reason was given"


def _render(validation: "ExpectationSuiteValidationResult") -> str:
    from great_expectations.render.renderer.page_renderer import ValidationResultsPageRenderer

    for result in validation.results:
        shown = {key: value for key, value in result.result.items() if key not in _UNBOUNDED}
        result.result = _escaped(shown)
    page = ValidationResultsPageRenderer(run_info_at_end=True).render(validation)
    return _page_view().render(page)


@cache
def _page_view() -> "DefaultJinjaPageView":
    """The library's templates, compiled once per process."""
    from great_expectations.render.view.view import DefaultJinjaPageView

    return DefaultJinjaPageView()


def _escaped(value: Any) -> Any:
    """The library puts values from the data into its page as they are: a title could carry a script."""
    if isinstance(value, dict):
        return {key: _escaped(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_escaped(inner) for inner in value]
    return html.escape(value) if isinstance(value, str) else value
