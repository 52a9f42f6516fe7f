"""The end of a run shows every sense and one person, and says what it leaves out."""

import pytest

from mmsearch_dagster.cli.display import summary
from tests.homes import Place

pytestmark = pytest.mark.slow


def test_every_kind_of_question_and_one_person(tiny: Place, capsys: pytest.CaptureFixture[str]) -> None:
    summary.show(tiny.settings, tiny.released)

    shown = capsys.readouterr().out
    for title in ("words: ", "photo: ", "words and photo: ", "Chinese: ", "recommend: user ", "explain: "):
        assert title in shown
    # The tiny shop has no spoken queries, one broken sound, one broken film, one picture that is gone.
    assert "voice: skipped, the shop has no such query" in shown
    assert "left out: 1 of " in shown
    assert "see media_quarantine" in shown


def test_an_order_that_parts_no_score_is_shown_without_shares() -> None:
    explained = {
        "order": "learned",
        "branches": [{"branch": "lexical", "rank": 1, "share": None}],
        "ranking": [{"feature": "ratio", "value": 90.0, "effect": 0.5}],
        "modalities": [],
        "features": [],
    }
    lines = dict(summary._why(explained))
    assert lines["order"] == "learned"
    assert lines["retriever lexical"] == "rank 1"
    assert lines["ranking ratio"] == "90.0, effect +0.5000"
