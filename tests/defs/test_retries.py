"""A step under Dagster: tried again, or failed at once."""

import dagster as dg
import pytest

from mmsearch_dagster.core.errors import SourceError
from mmsearch_dagster.defs import retries


def tries_of(*errors: Exception, monkeypatch: pytest.MonkeyPatch) -> tuple[int, dg.ExecuteInProcessResult]:
    """How often a step was tried that meets these errors one after the other."""
    monkeypatch.setattr(retries, "_FIRST_WAIT_SECONDS", 0.0)
    pending, tries = list(errors), []

    @dg.asset
    def step() -> None:
        tries.append(1)
        with retries.retried():
            if pending:
                raise pending.pop(0)

    result = dg.materialize([step], raise_on_error=False, instance=dg.DagsterInstance.ephemeral())
    return len(tries), result


def test_a_step_that_fails_for_a_moment_succeeds(monkeypatch: pytest.MonkeyPatch) -> None:
    tries, result = tries_of(ConnectionResetError(), TimeoutError(), monkeypatch=monkeypatch)
    assert (tries, result.success) == (3, True)


def test_an_error_that_a_person_has_to_mend_fails_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    tries, result = tries_of(SourceError("products.csv: no column"), monkeypatch=monkeypatch)
    assert (tries, result.success) == (1, False)


def test_what_does_not_pass_fails_with_its_own_error(monkeypatch: pytest.MonkeyPatch) -> None:
    tries, result = tries_of(*[ConnectionResetError("host away") for _ in range(9)], monkeypatch=monkeypatch)
    assert (tries, result.success) == (1 + retries.MAX_RETRIES, False)
    (event,) = [event for event in result.all_events if event.is_step_failure]
    error = event.step_failure_data.error
    assert error is not None
    assert "host away" in error.to_string()
