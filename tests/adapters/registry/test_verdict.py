"""What a person's tags on a model version mean."""

import pytest

from mmsearch_dagster.adapters.registry.verdict import SETTLED, verdict_of


def test_a_version_that_nobody_has_to_review_has_no_verdict() -> None:
    assert verdict_of({"mmsearch.gate": "passed"}) is None


@pytest.mark.parametrize("value", ["approved", "Approved", " APPROVED "])
@pytest.mark.parametrize("tag", ["review", "Approval_Check", "approval"])
def test_an_approval_is_read_from_our_tag_and_from_that_of_a_deployment_job(tag: str, value: str) -> None:
    verdict = verdict_of({"review": "pending", tag: value})
    assert verdict is not None
    assert (verdict.state, verdict.due) == ("approved", True)


@pytest.mark.parametrize("value", ["", "maybe", "pending", "approve!"])
def test_whatever_else_stands_in_the_tag_is_no_verdict(value: str) -> None:
    verdict = verdict_of({"review": value})
    assert verdict is not None
    assert (verdict.state, verdict.due) == ("pending", False)


def test_a_rejection_counts_more_than_an_approval() -> None:
    verdict = verdict_of(
        {"review": "rejected", "Approval_Check": "Approved", "review.note": "shoes are worse"}
    )
    assert verdict is not None
    assert verdict.sentence == "rejected in MLflow: shoes are worse"


def test_what_was_acted_upon_is_not_due_again_until_somebody_changes_their_mind() -> None:
    settled = verdict_of({"review": "approved", SETTLED: "approved"})
    changed = verdict_of({"review": "rejected", SETTLED: "approved"})
    assert settled is not None
    assert changed is not None
    assert (settled.due, changed.due) == (False, True)
