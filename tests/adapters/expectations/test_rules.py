import pytest

from mmsearch_dagster.adapters.expectations.rules import RuleResult, Severity, SuiteResult, parse_suite
from mmsearch_dagster.core.errors import ConfigError

WHY = "because it matters"


def text(rule: str, table: str = "products") -> str:
    return f"table: {table}\nmax_quarantined_share: 0.1\nrules:\n  - {rule}\n"


def test_rules_are_named_by_column_and_expectation_and_told_apart():
    rule = (
        f"{{type: expect_column_values_to_be_between, kwargs: {{column: price}}, severity: warn, why: {WHY}}}"
    )
    suite = parse_suite(text(f"{rule}\n  - {rule}"), "s.yaml")
    assert [found.name for found in suite.rules] == ["price_be_between", "price_be_between_no2"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("rules: [", "not readable as YAML"),
        (text("{type: expect_x, severity: error, why: short}"), "rules.0.why"),
        (text(f"{{type: expect_x, severity: fatal, why: {WHY}}}"), "rules.0.severity"),
        (text(f"{{type: expect_x, severty: warn, severity: warn, why: {WHY}}}"), "did you mean 'severity'?"),
        (
            text(f"{{type: expect_x, severity: warn, why: {WHY}}}", table="product"),
            "did you mean 'products'?",
        ),
        (
            text(f"{{type: expect_x, kwargs: {{column: prise}}, severity: warn, why: {WHY}}}"),
            "no scalar column 'prise' in products; did you mean 'price'?",
        ),
        (
            text(f"{{type: expect_x, kwargs: {{column: image_uris}}, severity: warn, why: {WHY}}}"),
            "no scalar column",
        ),
    ],
)
def test_a_wrong_suite_is_told_with_its_place(content: str, message: str):
    with pytest.raises(ConfigError) as caught:
        parse_suite(content, "s.yaml")
    assert str(caught.value).startswith("s.yaml: ")
    assert message in str(caught.value)


def result(severity: Severity, *, success: bool, rows: tuple[int, ...]) -> RuleResult:
    return RuleResult(
        name="n", type="expect_x", column="price", severity=severity, why=WHY, success=success,
        observed=None, unexpected_count=len(rows), unexpected_percent=0.0, unexpected_rows=rows,
    )  # fmt: skip


def test_only_errors_flag_rows_and_fail_the_suite():
    found = SuiteResult(
        results=(result("warn", success=False, rows=(1, 2)), result("error", success=True, rows=(2,)))
    )
    assert found.success
    assert found.flagged_rows() == {2: [f"price: {WHY}"]}
    assert not hasattr(found.outcomes()[0], "unexpected_rows")
