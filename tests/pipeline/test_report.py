"""What a step tells whoever watches."""

import pytest

from mmsearch_dagster.pipeline.report import timed
from tests.watchers import recorded


def test_a_step_tells_when_it_begins_and_what_it_made() -> None:
    with recorded() as heard, timed("products") as report:
        report.rows, report.made = 1234, False

    begun, (what, stage, note) = heard.events
    assert begun == ("start", "products", 0)
    assert (what, stage) == ("finish", "products")
    assert str(note).startswith("1,234 rows, 0.0 s, unchanged")
    assert report.seconds > 0


def test_a_step_that_fails_is_not_told_as_finished() -> None:
    with recorded() as heard, pytest.raises(ValueError, match="no"), timed("products"):
        raise ValueError("no")

    assert heard.events == [("start", "products", 0)]
