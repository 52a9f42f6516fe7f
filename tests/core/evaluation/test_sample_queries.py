"""Which queries a reviewer looks at."""

from mmsearch_dagster.core.evaluation.sample_queries import sample_queries

RANKINGS = {f"q{number}": [f"P{number}", "P0", "P1", "P2", "P3"] for number in range(20)}


def test_the_largest_losses_come_first_then_the_largest_gains() -> None:
    differences = {f"q{number}": (number - 10) / 10 for number in range(20)}
    samples = sample_queries(RANKINGS, RANKINGS, differences, {"q0": "red shoes"})
    assert [sample.query_id for sample in samples] == ["q0", "q1", "q2", "q3", "q19", "q18", "q17", "q16"]
    assert (samples[0].text, samples[1].text) == ("red shoes", "a photo")
    assert samples[0].difference == -1.0
    assert samples[0].candidate == samples[0].champion == ("P0", "P0", "P1", "P2")


def test_without_a_champion_there_is_one_side_only() -> None:
    (sample,) = sample_queries({"q0": ["P1"]}, None, {}, {})
    assert (sample.champion, sample.difference) == ((), None)
