"""What the person on call reads first."""

from dataclasses import replace

from mmsearch_dagster.core.gate.decision import Decision, Reason
from mmsearch_dagster.core.monitoring.daily_metrics import margins_of
from mmsearch_dagster.core.monitoring.status import status_lines
from tests.status_month import month


def test_a_calm_home_says_that_all_is_well_and_what_comes_next() -> None:
    lines = list(status_lines(month()))

    assert lines[0] == "All is well: r-000000001e answers."
    assert lines[-1] == "Next:       hourly, 2026-05-30 18:15 UTC, in 15 minutes"
    assert len(lines) <= 15


def test_a_figure_says_what_kind_of_queries_it_is_about() -> None:
    lines = "\n".join(status_lines(month()))

    assert "(ndcg@10 on validation queries made from the catalogue, judged by nobody)" in lines


def test_a_refused_model_is_the_first_sentence_until_another_passes() -> None:
    assert month(20).headline == ("bad", "The newest model was refused; r-0000000013 goes on answering.")
    assert month(21).headline[0] == "good"


def test_drift_a_failed_run_and_a_warning_come_first_too() -> None:
    status = month()
    failed = replace(status.scheduler.runs[0], status="FAILURE")
    scheduler = replace(status.scheduler, runs=[failed, *status.scheduler.runs[1:]])

    assert month(13).headline == ("bad", "Drift: drifted since the champion: price.")
    assert "The last run of watch failed" in replace(status, scheduler=scheduler).headline[1]
    assert "moved by hand" in replace(status, warning="moved by hand").headline[1]


def test_a_release_that_waits_for_a_person_says_so() -> None:
    status = month()
    waiting = status.state.model_copy(update={"waiting": ("r-next",)})

    headline = replace(status, state=waiting).headline

    assert headline == ("quiet", "r-next waits for a review: `mmsearch approve`.")


def test_a_schedule_that_nobody_ticks_is_no_promise() -> None:
    status = month()

    last = list(status_lines(replace(status, scheduler=replace(status.scheduler, alive=False))))[-1]

    assert last.endswith("no scheduler is at work: `mmsearch up` starts one")


def test_a_margin_is_positive_where_the_rule_holds_whichever_way_it_points() -> None:
    rules = (
        Reason(rule="floor", passed=True, figure=0.7, limit=0.1, text=""),
        Reason(rule="latency", passed=False, figure=80.0, limit=50.0, text=""),
        Reason(rule="champion", passed=False, figure=float("nan"), limit=0.0, text=""),
        Reason(rule="slice[zh]", passed=False, figure=1, limit=20, text="", binding=False, cannot_tell=True),
    )
    decision = Decision(passed=False, reasons=rules, weights_sha256="", report_digest="", policy_digest="")

    assert margins_of(decision) == {"floor": 0.6, "latency": -30.0}
    assert margins_of(None) == {}
