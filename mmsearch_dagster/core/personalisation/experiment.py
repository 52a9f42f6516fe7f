"""Personalisation on one log from end to end: profiles, lists for people, whether the ranker may re-order."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.collaborative_filtering.interactions import FeedbackParams, feedback
from mmsearch_dagster.core.labels.result_pages import result_lists, split_by_time
from mmsearch_dagster.core.personalisation.features import Items
from mmsearch_dagster.core.personalisation.fit import FittedRanker, RankerParams, fit_ranker
from mmsearch_dagster.core.personalisation.list_evaluation import ListReport, choose_order, examine_lists
from mmsearch_dagster.core.personalisation.list_orders import POPULAR
from mmsearch_dagster.core.personalisation.people_state import PeopleState, states_at
from mmsearch_dagster.core.personalisation.training_rows import QueryCosines, after_the_log, training_rows

NO_LOG = "no log, no ranker: everybody gets the unpersonalised order"


@dataclass(frozen=True)
class Experiment:
    """state: people as of the end of the log, None without events. lists: None where
    nothing could be compared. ranker: None without enough result pages; `why_none` says so."""

    state: PeopleState | None
    lists: ListReport | None
    ranker: FittedRanker | None
    why_none: str = ""

    @property
    def promoted(self) -> bool:
        """Whether known people get their pages re-ordered."""
        return self.ranker is not None and self.ranker.decision.promoted

    @property
    def order(self) -> str:
        """The order of lists for known people."""
        return self.lists.chosen if self.lists else POPULAR

    def ranker_sentences(self) -> list[str]:
        """Why pages of known people are re-ordered, or not; empty without a ranker."""
        if self.ranker is None:
            return []
        head = "promoted" if self.promoted else "not promoted, the unpersonalised order stays"
        return [f"ranker {head}: {self.ranker.decision.sentence}"]

    def list_sentences(self) -> list[str]:
        """Why lists for known people have their order; empty where nothing could be compared."""
        return [reason.text for reason in self.lists.reasons] if self.lists else []

    def sentences(self) -> list[str]:
        """Why people get what they get."""
        none = [self.why_none] if self.why_none else []
        return [*none, *self.ranker_sentences(), *self.list_sentences()]


def run_experiment(
    events: pl.DataFrame,
    products: pl.DataFrame,
    items: Items,
    params: RankerParams,
    *,
    cosines: QueryCosines,
    reviews: pl.DataFrame,
) -> Experiment:
    """Evaluates lists and the ranker on a log of events; the same input gives the same result.

    Whoever is compared is compared on the last `test_share` of the result pages (of the events, where the
    shop logs no pages), with what was known before: `items` have the ratings of today, pages those of
    `reviews` before them.
    """
    weights = FeedbackParams()
    end = after_the_log(feedback(events, weights))
    if end is None:
        return Experiment(None, None, None, NO_LOG)
    pages = result_lists(events).filter(pl.col(col.PRODUCT_ID).is_in(list(items.ids)))
    split = split_by_time(pages, validation=0.0, test=params.test_share)
    lists = _lists(events, products, items, params, weights)
    state = next(states_at(events, products, items, [end], weights))
    clicked = split.test.filter(pl.col(col.GRADE) > 0).height
    if not clicked or split.train.is_empty():
        return Experiment(
            state, lists, None, "no result pages with clicks in the log: no ranker, nothing is re-ordered"
        )
    learned = training_rows(
        pages, events, products, items, feedback=weights, cosines=cosines, reviews=reviews
    )
    sizes = split.train.height, split.test.height
    return Experiment(state, lists, fit_ranker(learned, sizes, items.blocks, params))


def _lists(
    events: pl.DataFrame, products: pl.DataFrame, items: Items, params: RankerParams, weights: FeedbackParams
) -> ListReport | None:
    """The order is chosen on a period as long as the test period, just before it."""
    moments = feedback(events, weights)[col.TIMESTAMP].sort()
    count = len(moments)
    begins = [moments[int(count * share)] for share in (1 - 2 * params.test_share, 1 - params.test_share)]
    if begins[0] == moments[0] or begins[0] == begins[1]:
        return None
    when = pl.col(col.TIMESTAMP)
    before, later = states_at(events, products, items, begins, weights)
    chosen = choose_order(before, items, events.filter((when >= begins[0]) & (when < begins[1])))
    return examine_lists(
        later,
        items,
        events.filter(when >= begins[1]),
        chosen,
        earlier=events.filter(when < begins[1]),
        confidence=params.confidence,
        resamples=params.resamples,
        seed=params.seed,
    )


def facts_of(experiment: Experiment) -> Mapping[str, Any]:
    """What a release remembers about it, as JSON-able facts."""
    return {
        "ranker promoted": experiment.promoted,
        "lists": experiment.order,
        "sentences": experiment.sentences(),
        "ranker_sentences": experiment.ranker_sentences(),
        "list_sentences": experiment.list_sentences(),
        "ranker decision": experiment.ranker.decision.model_dump(mode="json") if experiment.ranker else None,
        "ranker measures": dict(experiment.ranker.measures) if experiment.ranker else {},
    }
