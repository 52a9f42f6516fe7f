"""Several hearings of one recording: together they know more than the surest of them."""

from hypothesis import given
from hypothesis import strategies as st

from mmsearch_dagster.core.speech.pooling import SpeechGuess, pooled
from mmsearch_dagster.core.speech.transcript import NOTHING, Transcript

TEXTS = st.sampled_from(["red hat", "bread hat", "red cat", "a red hat", ""])
SURE = st.floats(min_value=0.01, max_value=1.0)
HEARINGS = st.lists(
    st.builds(
        SpeechGuess,
        st.builds(Transcript, TEXTS, SURE),
        st.lists(st.tuples(TEXTS.filter(bool), SURE), max_size=5).map(tuple),
    ),
    max_size=4,
)


def chose(text: str, confidence: float, *guesses: tuple[str, float]) -> SpeechGuess:
    return SpeechGuess(Transcript(text, confidence), guesses)


def test_what_two_agree_on_outweighs_a_surer_third() -> None:
    hearings = [chose("bread hat", 0.5), chose("red hat", 0.4), chose("red hat", 0.45)]

    assert pooled(hearings) == Transcript("red hat", 0.45)


def test_a_sure_hearing_outweighs_two_doubtful_ones() -> None:
    assert pooled([chose("red hat", 0.8), chose("cat", 0.3), chose("cat", 0.3)]).text == "red hat"


def test_what_nobody_chose_but_all_thought_of_wins_with_the_least_confidence() -> None:
    close = ("red hat", 0.99)
    hearings = [
        chose("bread hat", 0.5, close, ("bread hat", 1.0)),
        chose("red cat", 0.4, close, ("red cat", 1.0)),
        chose("red bat", 0.45, close, ("red bat", 1.0)),
    ]

    assert pooled(hearings) == Transcript("red hat", 0.4)


def test_the_same_words_guessed_twice_count_once() -> None:
    often = (("cat", 0.9), *[("hat", 0.9)] * 9)

    assert pooled([chose("cat", 0.5, *often)]).text == "cat"


def test_nothing_heard_is_nothing() -> None:
    assert pooled([]) == pooled([SpeechGuess(NOTHING), SpeechGuess(NOTHING)]) == NOTHING


@given(HEARINGS)
def test_it_is_something_that_was_heard_in_any_order(hearings: list[SpeechGuess]) -> None:
    found = pooled(hearings)

    said = {one.chosen.text for one in hearings} | {text for one in hearings for text, _ in one.guesses}
    assert found.text in said | {""}
    assert 0.0 <= found.confidence <= 1.0
    assert pooled(hearings[::-1]).text == found.text or len(hearings) > 2


@given(st.builds(Transcript, TEXTS.filter(bool), SURE))
def test_one_hearing_alone_is_believed(chosen: Transcript) -> None:
    assert pooled([SpeechGuess(chosen)]) == chosen
