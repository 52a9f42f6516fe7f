"""What is odd about a behaviour log as a whole: too short to learn from, or made by one client."""

import polars as pl

from mmsearch_dagster.core.catalog.columns import USER_ID

FEWEST_EVENTS = 100
FEWEST_PEOPLE = 5
_MOST_OF_ONE = 0.2
_LEAST_OF_ONE = 50


def log_concerns(events: pl.DataFrame) -> list[str]:
    """Sentences about a log that says little, or little about people; none for an empty log.

    Args:
        events: good rows of the events table.
    """
    if events.is_empty():
        return []
    people = events[USER_ID].n_unique()
    concerns = []
    if events.height < FEWEST_EVENTS or people < FEWEST_PEOPLE:
        concerns.append(
            f"the log is short ({events.height:,} events of {people:,} people): what it calls popular is "
            "what few people did"
        )
    per_person = events[USER_ID].value_counts().sort("count", USER_ID, descending=[True, False])
    person, most = per_person.row(0)
    if people > 1 and most >= _LEAST_OF_ONE and most > _MOST_OF_ONE * events.height:
        concerns.append(
            f"one client ({person[:8]}...) made {most:,} of {events.height:,} events "
            f"({most / events.height:.0%}): a crawler or a test? leave it out with `where` in the mapping"
        )
    return concerns
