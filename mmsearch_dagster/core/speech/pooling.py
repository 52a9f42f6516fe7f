"""One recording recognised several times: the text that all attempts together make most likely."""

from collections.abc import Sequence
from dataclasses import dataclass

from mmsearch_dagster.core.speech.transcript import NOTHING, Transcript

# How fast a guess loses weight against the likeliest of its attempt, and how much the recogniser's own
# choice counts beside all guesses; both by word errors on training queries.
_SHARPNESS = 16
_CHOSEN = 1.0


@dataclass(frozen=True)
class SpeechGuess:
    """What one pass understood. guesses: (text, likelihood > 0), the recogniser's n best in any order."""

    chosen: Transcript
    guesses: tuple[tuple[str, float], ...] = ()


def pooled(attempts: Sequence[SpeechGuess]) -> Transcript:
    """The text with the highest sum of p(text | guess) * confidence(guess)^2; ties by the text.

    confidence: of the surest attempt that chose that text; of the least sure one where none did.
    """
    pool: dict[str, float] = {}
    understood = [guess for guess in attempts if guess.chosen.text]
    for guess in understood:
        weights = _weights(guess)
        total = sum(weights.values())
        for text, weight in weights.items():
            pool[text] = pool.get(text, 0.0) + guess.chosen.confidence**2 * weight / total
    if not pool:
        return NOTHING
    text = min(pool, key=lambda text: (-pool[text], text))
    sure = [guess.chosen.confidence for guess in understood if guess.chosen.text == text]
    return Transcript(text, max(sure, default=min(guess.chosen.confidence for guess in understood)))


def _weights(guess: SpeechGuess) -> dict[str, float]:
    """Text -> weight, the likeliest guess 1; the same words guessed twice count once."""
    highest = max((likelihood for _, likelihood in guess.guesses), default=1.0)
    weights = {guess.chosen.text: 0.0}
    for text, likelihood in guess.guesses:
        weights[text] = max(weights.get(text, 0.0), (likelihood / highest) ** _SHARPNESS)
    weights[guess.chosen.text] += _CHOSEN
    return weights
