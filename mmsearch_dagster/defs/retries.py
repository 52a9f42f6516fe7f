"""A step that failed for a moment is tried again; what cannot get better fails at once."""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from mmsearch_dagster.core.errors import may_pass

MAX_RETRIES = 3
_FIRST_WAIT_SECONDS = 5.0


@contextmanager
def retried() -> Iterator[None]:
    """Around what a step does with an outside system: waits of 5, 20 and 80 s, then the error itself."""
    try:
        yield
    except Exception as error:
        context = dg.OpExecutionContext.get()
        if not may_pass(error) or context.retry_number >= MAX_RETRIES:
            raise
        wait = _FIRST_WAIT_SECONDS * 4**context.retry_number
        context.log.warning(f"{type(error).__name__}: {error}; the next try is in {wait:.0f} s")
        raise dg.RetryRequested(max_retries=MAX_RETRIES, seconds_to_wait=wait) from error
