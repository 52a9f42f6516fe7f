"""The names of how answers are known."""

import pytest

from mmsearch_dagster.core.labels.provenance import (
    PROVENANCES,
    count_provenances,
    provenance_phrase,
    stored_provenance,
)


def test_what_nobody_judged_is_not_called_judged_by_people() -> None:
    people = [name for name in PROVENANCES if "judged by people" in provenance_phrase(name)]
    assert people == ["judged"]


def test_names_that_an_earlier_version_stored_are_read() -> None:
    earlier = ("judged", "logged", "pairs", "attributes")
    assert [stored_provenance(name) for name in earlier] == ["judged", "log", "catalogue", "catalogue"]
    with pytest.raises(ValueError, match="guessed"):
        stored_provenance("guessed")


def test_counts_name_the_most_trusted_first_and_leave_out_what_is_not_there() -> None:
    counts = count_provenances(["catalogue", "judged", "catalogue"])
    assert list(counts.items()) == [("judged", 1), ("catalogue", 2)]
