"""Whether a run trains again, or publishes the released model over a changed catalogue; and why."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import polars as pl

from mmsearch_dagster.core.catalog import columns as col

# A model is trained again when this share of the products is new, gone or has other words or media.
RETRAIN_SHARE = 0.2
# What vectors are made of; all other columns (price, stock, ...) are only shown and filtered by.
_LEARNED = (
    *(col.TITLE, col.DESCRIPTION, col.CATEGORY, col.BRAND, col.ATTRIBUTES),
    *(col.IMAGE_URIS, col.AUDIO_URI, col.VIDEO_URI),
)
_WHOLE, _CONTENT = "whole", "content"


@dataclass(frozen=True)
class CatalogueChange:
    """How many products differ between two catalogues.

    rewritten: other words or media. repriced: other values in the other columns only. before: products of
    the earlier catalogue.
    """

    added: int
    removed: int
    rewritten: int
    repriced: int
    before: int

    @classmethod
    def between(cls, before: pl.DataFrame, now: pl.DataFrame) -> Self:
        """Compares two tables of products; columns that only one of them has are left out."""
        shared = [name for name in now.columns if name in before.columns]
        old, new = _contents(before, shared), _contents(now, shared)
        both = old.join(new, on=col.PRODUCT_ID, suffix="_now")
        rewritten = both.filter(pl.col(_CONTENT) != pl.col(f"{_CONTENT}_now")).height
        other = both.filter(pl.col(_WHOLE) != pl.col(f"{_WHOLE}_now")).height
        return cls(
            added=new.height - both.height,
            removed=old.height - both.height,
            rewritten=rewritten,
            repriced=other - rewritten,
            before=old.height,
        )

    @property
    def learned_share(self) -> float:
        """Products that a model has to learn or forget, over those it was trained on."""
        return (self.added + self.removed + self.rewritten) / max(self.before, 1)

    @property
    def sentence(self) -> str:
        """The counts that are not 0, for people."""
        counts = {
            "new": self.added,
            "gone": self.removed,
            "with other words or media": self.rewritten,
            "with another price, stock or other shown value": self.repriced,
        }
        return (
            ", ".join(f"{count:,} {what}" for what, count in counts.items() if count)
            or "media in the same places"
        )


@dataclass(frozen=True)
class RefreshPlan:
    """What a run does about the catalogue and about the model.

    republish: the released model is published over the catalogue of now. retrain: models are trained,
    measured and put before the gate; what did not change is used again there. why: for people.
    """

    republish: bool
    retrain: bool
    why: str


@dataclass(frozen=True)
class Situation:
    """What a plan depends on.

    released: there is a release whose model can be published again. forced: somebody wants a training;
    because: why, where they gave a reason. hold: why nothing may be trained now, empty where it may.
    served: change since the released catalogue; None where it is this one. trained: change since the last
    training's catalogue; None where it is this one. state, trained_on: what else a training depends on
    (name -> digest), now and at the last training; trained_on is None where nothing noted it.
    """

    released: bool
    forced: bool
    served: CatalogueChange | None
    trained: CatalogueChange | None
    state: Mapping[str, str]
    trained_on: Mapping[str, str] | None
    because: str = ""
    hold: str = ""


def plan_refresh(situation: Situation) -> RefreshPlan:
    """What a run has to do: a changed catalogue is published first and waits for no training."""
    if not situation.released:
        return RefreshPlan(republish=False, retrain=True, why="nothing is released yet: models are trained")
    why_retrain, served = _why_retrain(situation), situation.served
    if why_retrain and situation.hold:
        return _held(served, f"no models are trained: {situation.hold}")
    catalogue = f"the catalogue changed since the release ({served.sentence})" if served else ""
    if why_retrain:
        whys = [catalogue and f"{catalogue}: the released model is published over it", why_retrain]
        return RefreshPlan(republish=served is not None, retrain=True, why="; ".join(filter(None, whys)))
    if served is not None:
        why = f"{catalogue}, nothing else did: the released model is published over it, nothing is trained"
        return RefreshPlan(republish=True, retrain=False, why=why)
    why = "this catalogue is served already, and too little changed since the last training to train again"
    return RefreshPlan(republish=False, retrain=False, why=why)


def _held(served: CatalogueChange | None, why: str) -> RefreshPlan:
    """A changed catalogue is published all the same."""
    catalogue = (
        f"the catalogue changed since the release ({served.sentence}) and is published; " if served else ""
    )
    return RefreshPlan(republish=served is not None, retrain=False, why=f"{catalogue}{why}")


def _why_retrain(situation: Situation) -> str:
    """Empty where nothing is trained."""
    if situation.forced:
        reason = situation.because
        return f"models are trained because {f'of {reason}' if reason else 'this run was told to'}"
    if situation.trained_on is None:
        return "models are trained because the last training did not note what it was made from"
    before, now = situation.trained_on, situation.state
    changed = sorted(name for name in {*before, *now} if before.get(name) != now.get(name))
    if changed:
        return f"models are trained because this changed since the last training: {', '.join(changed)}"
    trained = situation.trained
    if trained is None:
        return "nothing changed since the last training: its models are used again"
    if trained.learned_share > RETRAIN_SHARE:
        return (
            f"models are trained because {trained.learned_share:.0%} of the products are new, gone or have "
            f"other words or media since the last training (more than {RETRAIN_SHARE:.0%})"
        )
    return ""


def _contents(products: pl.DataFrame, columns: list[str]) -> pl.DataFrame:
    """product_id with one text per product: of all columns, and of those that vectors are made of."""
    learned = [name for name in _LEARNED if name in columns]
    return products.select(
        col.PRODUCT_ID,
        pl.struct(columns).struct.json_encode().alias(_WHOLE),
        pl.struct(learned).struct.json_encode().alias(_CONTENT),
    )
