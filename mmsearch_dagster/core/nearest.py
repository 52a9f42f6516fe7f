"""The hint at the end of an error message: what the caller probably meant."""

from collections.abc import Iterable
from difflib import get_close_matches

_SHOWN = 12


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """ "did you mean 'x'?" for the nearest known name, else the first known names in order."""
    names = sorted(set(known))
    folded = {known_name.casefold(): known_name for known_name in reversed(names)}
    near = get_close_matches(name.casefold(), folded, n=1, cutoff=0.5)
    if near:
        return f"did you mean '{folded[near[0]]}'?"
    more = ", ..." if len(names) > _SHOWN else ""
    return f"known: {', '.join(names[:_SHOWN])}{more}" if names else "there is none to choose from"
