"""Whether a table lost so much since the release that answers that its export must have been cut off."""

from mmsearch_dagster.core.errors import PolicyError

ACCEPT_VARIABLE = "MMSEARCH_ACCEPT_SMALLER"
# Fewer rows than this may be a trial: nothing is compared with them.
_FEWEST = 10


def check_not_cut(table: str, *, now: int, before: int, limit: float) -> None:
    """Refuses a table that is much smaller than that of the release.

    Args:
        table: its name, for the message.
        now: good rows of this run.
        before: good rows of the release that answers.
        limit: the largest share that may be lost, 0 to 1.

    Raises:
        PolicyError: more was lost.
    """
    if before < _FEWEST or now >= before * (1 - limit):
        return
    raise PolicyError(
        f"{table}: this export has {now:,} good rows, the release that answers was made from {before:,} "
        f"({1 - now / before:.0%} fewer, the policy allows {limit:.0%}). Was the file cut off? "
        "The release goes on answering. If the shop is smaller now: mmsearch run --accept-smaller "
        f"({ACCEPT_VARIABLE}=1 for Dagster)"
    )
