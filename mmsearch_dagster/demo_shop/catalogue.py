"""The sample shop's products: their truth, their texts, and what they look like."""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta

from mmsearch_dagster.demo_shop.drawings.picture import Look, View
from mmsearch_dagster.demo_shop.drawings.surfaces import Rgb
from mmsearch_dagster.demo_shop.spec import PLAIN, StoreSpec
from mmsearch_dagster.demo_shop.wording import Traits, chinese_words, filled, sentence, shop_words

_PAPERS: tuple[Rgb, ...] = (
    (250, 250, 250),
    (236, 238, 240),
    (245, 238, 228),
    (226, 236, 242),
    (240, 230, 234),
)
_CONTRAST = 150  # least distance of a product's two colours in RGB space


@dataclass(frozen=True)
class Item:
    """One product. `level` in [0, 1] is where its price lies in its kind's range.

    pictures, sound, film: relative paths of its files; empty where it has none.
    """

    product_id: str
    traits: Traits
    look: Look
    title: str
    title_zh: str
    description: str
    category: str
    price: float
    level: float
    size: str
    color_filled_in: bool
    pattern_filled_in: bool
    pictures: tuple[str, ...]
    in_stock: bool
    updated_at: datetime
    sound: str = ""
    film: str = ""


def make_items(spec: StoreSpec, count: int) -> tuple[Item, ...]:
    """`count` products, kinds and colours evenly spread, in mixed order."""
    kinds = list(spec.kinds)
    slots = [(kinds[i % len(kinds)], i // len(kinds)) for i in range(count)]
    spec.rng("order").shuffle(slots)
    return tuple(_item(spec, number, kind, turn) for number, (kind, turn) in enumerate(slots))


def _item(spec: StoreSpec, number: int, kind: str, turn: int) -> Item:
    rng, shares, facts = spec.rng("item", number), spec.products, spec.kinds[kind]
    traits = _traits(spec, kind, turn, rng)
    words = shop_words(spec, traits, rng)
    product_id = f"SKU-{10_001 + number}"
    level = min(1.0, max(0.0, 0.6 * spec.brands[traits.brand] + 0.4 * rng.random()))
    pictures = _pictures(spec, product_id, rng)
    untitled = bool(pictures) and rng.random() < shares.without_title
    title = sentence(filled(rng.choice(spec.titles), words))
    chinese = filled(rng.choice(spec.chinese_titles), chinese_words(spec, traits, rng))
    silent = untitled or rng.random() < shares.without_description
    description = sentence(filled(rng.choice(spec.descriptions), words))
    return Item(
        product_id=product_id,
        traits=traits,
        look=_look(spec, traits, rng),
        title="" if untitled else title,
        title_zh=chinese if not untitled and rng.random() < shares.chinese_title else "",
        description="" if silent else description,
        category=facts.category,
        price=round(facts.price[0] + level * (facts.price[1] - facts.price[0])) - 0.01,
        level=level,
        size=words["size"],
        color_filled_in=not untitled and rng.random() < shares.color_filled_in,
        pattern_filled_in=not untitled and rng.random() < shares.pattern_filled_in,
        pictures=pictures,
        in_stock=rng.random() < shares.in_stock,
        updated_at=spec.now - timedelta(minutes=rng.randrange(200 * 24 * 60)),
    )


def _traits(spec: StoreSpec, kind: str, turn: int, rng: random.Random) -> Traits:
    facts = spec.kinds[kind]
    plain = not facts.patterns or rng.random() < spec.products.plain
    return Traits(
        kind=kind,
        color=facts.colors[turn % len(facts.colors)],
        pattern=PLAIN if plain else rng.choice(facts.patterns),
        gender=rng.choice(facts.genders),
        material=rng.choice(facts.materials),
        brand=rng.choice(list(spec.brands)),
    )


def _pictures(spec: StoreSpec, product_id: str, rng: random.Random) -> tuple[str, ...]:
    if rng.random() < spec.products.without_picture:
        return ()
    first = f"images/{product_id}.jpg"
    second = rng.random() < spec.products.second_picture
    return (first, f"images/{product_id}-2.jpg") if second else (first,)


def _look(spec: StoreSpec, traits: Traits, rng: random.Random) -> Look:
    color = spec.colors[traits.color].rgb
    others = [each.rgb for each in spec.colors.values() if _distance(each.rgb, color) > _CONTRAST]
    return Look(
        drawing=traits.kind,
        color=color,
        accent=rng.choice(others or [color]),
        pattern=traits.pattern,
        pattern_scale=rng.uniform(0.2, 0.36),
        pattern_turn=rng.choice((0.0, 0.0, 45.0, 90.0)),
        cut=round(rng.random(), 2),
        stretch=(rng.uniform(0.9, 1.06), rng.uniform(0.9, 1.06)),
    )


def _distance(color: Rgb, other: Rgb) -> float:
    return sum((a - b) ** 2 for a, b in zip(color, other, strict=True)) ** 0.5


def studio_view(spec: StoreSpec, item: Item, number: int) -> View:
    """The shop's own picture; the second one shows the other side from further off."""
    rng = spec.rng(f"studio:{item.product_id}", number)
    return View(
        turn=rng.uniform(-9, 9) + (rng.choice((-18, 18)) if number else 0),
        zoom=rng.uniform(0.76, 0.9) - 0.12 * number,
        shift=(rng.uniform(-0.05, 0.05), rng.uniform(-0.05, 0.05)),
        tilt=(rng.uniform(-0.08, 0.08), rng.uniform(-0.08, 0.08)),
        flip=number > 0,
        background=rng.choice(("studio", "studio", "planks", "woven")) if number else "studio",
        tint=rng.choice(_PAPERS),
        light=(rng.uniform(0, 360), rng.uniform(0.02, 0.08)),
        cast=(1.0, 1.0, 1.0),
        clutter=0,
        noise=0.0,
        blur=0.0,
        quality=spec.picture.quality,
        seed=rng.randrange(2**31),
    )
