"""The hint at the end of an error message: what the caller probably meant."""

from collections.abc import Iterable
from difflib import get_close_matches

_SHOWN = 12


def nearest(name: str, names: Iterable[str]) -> str | None:
    """The known name nearest to `name`, without regard to case and outer space; None where none is near."""
    folded = {candidate.strip().casefold(): candidate for candidate in sorted(set(names), reverse=True)}
    near = get_close_matches(name.strip().casefold(), folded, n=1, cutoff=0.5)
    return folded[near[0]] if near else None


def did_you_mean(name: str, choices: Iterable[str], shown: int = _SHOWN) -> str:
    """ "did you mean 'x'?" for the nearest known name, else the first `shown` known names in order."""
    names = sorted(set(choices))
    near = nearest(name, names)
    if near is not None:
        return f"did you mean '{near}'?"
    more = ", ..." if len(names) > shown else ""
    return f"known: {', '.join(names[:shown])}{more}" if names else "there is none to choose from"
