"""Simulated shoppers with tastes, and what they do on a result page: a click model with position bias."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mmsearch_dagster.demo_shop.catalogue import Item
from mmsearch_dagster.demo_shop.spec import LogSpec, StoreSpec
from mmsearch_dagster.demo_shop.wording import Wanted, grade

_ADULTS = ("men", "women")


@dataclass(frozen=True)
class Shopper:
    """One user: kinds and colours that attract, a price level in [0, 1], how often this person comes."""

    user_id: str
    kinds: Mapping[str, float]
    colors: frozenset[str]
    level: float
    gender: str
    activity: float


@dataclass(frozen=True)
class Act:
    """One thing a shopper did with one product; `position` counts from 0, None off a result page."""

    action: str
    item: Item
    position: int | None


def make_shoppers(spec: StoreSpec) -> tuple[Shopper, ...]:
    """The users of the log; few come often, most rarely."""
    return tuple(_shopper(spec, number) for number in range(spec.log.users))


def _shopper(spec: StoreSpec, number: int) -> Shopper:
    rng, kinds = spec.rng("shopper", number), list(spec.kinds)
    favourites = set(rng.sample(kinds, min(len(kinds), rng.randint(2, 5))))
    return Shopper(
        user_id=f"shopper-{number + 1:04d}",
        kinds={kind: 8.0 if kind in favourites else 0.5 for kind in kinds},
        colors=frozenset(rng.sample(list(spec.colors), min(len(spec.colors), rng.randint(2, 4)))),
        level=rng.random(),
        gender=rng.choice(_ADULTS),
        activity=1 / (1 + number % 50) ** 0.7,
    )


def attraction(shopper: Shopper, item: Item) -> float:
    """How much this product attracts this person, about 0.1 to 1.9; 1 is indifference."""
    color = 1.35 if item.traits.color in shopper.colors else 0.8
    price = 1.4 - 1.1 * abs(shopper.level - item.level)
    other_gender = item.traits.gender in _ADULTS and item.traits.gender != shopper.gender
    return color * price * (0.3 if other_gender else 1.0) * (1.0 if item.in_stock else 0.5)


def examined(log: LogSpec, position: int) -> float:
    """Probability that somebody looks at the result at `position` (0 is the first): position-based model."""
    return 1 / (position + 1) ** log.position_bias


def result_page(
    spec: StoreSpec, wanted: Wanted, by_kind: Mapping[str, Sequence[Item]], rng: random.Random
) -> list[tuple[Item, int]]:
    """What the shop's old engine showed, with true grades: mostly relevant, in a noisy order."""
    similar = spec.kinds[wanted.kind].similar
    near = [item for kind in (wanted.kind, *similar) for item in by_kind.get(kind, ())]
    stray = [rng.choice(by_kind[rng.choice(list(by_kind))]) for _ in range(3)]
    graded = {item.product_id: (item, grade(wanted, item.traits, similar)) for item in [*near, *stray]}
    scored = [(mark + rng.uniform(0, 2), item.product_id) for item, mark in graded.values()]
    return [graded[product] for _, product in sorted(scored, reverse=True)[: spec.log.shown]]


def acts_on_page(
    log: LogSpec, shopper: Shopper, page: Sequence[tuple[Item, int]], rng: random.Random
) -> list[Act]:
    """Impressions first, then for each click what followed it."""
    acts = [Act("impression", item, position) for position, (item, _) in enumerate(page)]
    for position, (item, mark) in enumerate(page):
        liking = min(0.95, log.click_by_grade[mark] * attraction(shopper, item))
        if rng.random() < examined(log, position) * liking:
            acts.append(Act("click", item, position))
            acts += followed(log, shopper, item, position, rng)
    return acts


def followed(
    log: LogSpec, shopper: Shopper, item: Item, position: int | None, rng: random.Random
) -> list[Act]:
    """View, cart and purchase: each only after the one before, likelier for what attracts."""
    acts, pull = [], min(1.6, attraction(shopper, item))
    steps = (("view", log.after_click.view, 1.0), ("add_to_cart", log.after_click.add_to_cart, pull))
    for action, share, factor in (*steps, ("purchase", log.after_click.purchase, pull)):
        if rng.random() >= share * factor:
            break
        acts.append(Act(action, item, position))
    return acts


def browsed(
    spec: StoreSpec, shopper: Shopper, by_kind: Mapping[str, Sequence[Item]], rng: random.Random
) -> list[Act]:
    """A stroll through one kind without a search: products looked at by attraction."""
    shelf = by_kind[favourite_kind(shopper, by_kind, rng)]
    seen = rng.choices(shelf, [attraction(shopper, item) ** 2 for item in shelf], k=rng.randint(1, 4))
    distinct = {item.product_id: item for item in seen}.values()
    sure = spec.log.model_copy(update={"after_click": spec.log.after_click.model_copy(update={"view": 1.0})})
    return [act for item in distinct for act in followed(sure, shopper, item, None, rng)]


def favourite_kind(shopper: Shopper, by_kind: Mapping[str, Sequence[Item]], rng: random.Random) -> str:
    """A kind this person goes for today."""
    kinds = [kind for kind in shopper.kinds if kind in by_kind]
    return rng.choices(kinds, [shopper.kinds[kind] for kind in kinds])[0]
