"""What a reviewer reads about a version."""

import polars as pl

from mmsearch_dagster.core.evaluation.review_page import review_page
from mmsearch_dagster.core.gate.decision import Decision, Reason


def reason(rule: str, *, passed: bool = True, cannot_tell: bool = False) -> Reason:
    return Reason(
        rule=rule,
        passed=passed,
        figure=0.5,
        limit=0.1,
        text=f"{rule} in words",
        binding=not cannot_tell,
        cannot_tell=cannot_tell,
    )


QUALITY = pl.DataFrame(
    {
        "kind": ["all", "all", "words"],
        "branch": ["released engine", "champion", "released engine"],
        "queries": [40, 40, 30],
        "ndcg@10": [0.8123, 0.8, 0.7],
    }
)


def test_the_page_says_the_verdict_the_figures_the_refusals_first_and_how_to_decide() -> None:
    reasons = (
        reason("floor"),
        reason("champion", passed=False),
        reason("slice[cold_items]", passed=False, cannot_tell=True),
    )
    decision = Decision(
        passed=False, reasons=reasons, weights_sha256="w", report_digest="r", policy_digest="p"
    )
    page = review_page("Refused.", QUALITY, decision, {"products": "abcdef0123456789"}, metric="ndcg@10")
    lines = page.splitlines()
    assert lines[0] == "Refused."
    assert "| all (40) | 0.8123 | 0.8000 | +0.0123 |" in lines
    assert "| words (30) | 0.7000 | - | - |" in lines
    assert lines.index("- **NO** `champion`: champion in words") < lines.index("- ok `floor`: floor in words")
    assert "- **cannot tell** `slice[cold_items]`: slice[cold_items] in words" in lines
    assert "- products `abcdef0123`" in lines
    assert "Set the tag `review` to `approved` or `rejected`" in page


def test_without_figures_the_page_is_still_one() -> None:
    decision = Decision(
        passed=True, reasons=(reason("floor"),), weights_sha256="w", report_digest="r", policy_digest="p"
    )
    empty = pl.DataFrame(schema={"kind": pl.String, "branch": pl.String, "queries": pl.Int64})
    assert "by kind of query" not in review_page("Passed.", empty, decision, {}, metric="ndcg@10")


def test_the_page_fits_into_mlflows_table() -> None:
    reasons = tuple(reason(f"slice[category={number}]") for number in range(400))
    decision = Decision(
        passed=True, reasons=reasons, weights_sha256="w", report_digest="r", policy_digest="p"
    )
    assert len(review_page("Passed.", QUALITY, decision, {}, metric="ndcg@10")) == 5000
