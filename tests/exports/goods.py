"""What a made shop sells: products with variants in colours and sizes, the same on every run."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mmsearch_dagster.demo_shop.catalogue import make_items as _drawn_items
from mmsearch_dagster.demo_shop.catalogue import studio_view
from mmsearch_dagster.demo_shop.drawings.picture import Look, jpeg
from mmsearch_dagster.demo_shop.spec import StoreSpec, parse_spec

_SPEC = Path(__file__).parents[2] / "assets" / "sample" / "store.yaml"
_PIXELS = 112
_LARGEST_SIZES = 2


@dataclass(frozen=True)
class Variant:
    """What is put into the basket. picture: name of its file."""

    sku: str
    color: str
    size: str
    price: float
    sale_price: float | None
    stock: int
    picture: str


@dataclass(frozen=True)
class Goods:
    """One product as the shop shows it. levels: of its category. html: its description."""

    key: str
    number: int
    kind: str
    title: str
    html: str
    brand: str
    levels: tuple[str, ...]
    material: str
    gender: str
    variants: tuple[Variant, ...]

    @property
    def prices(self) -> list[float]:
        """What a customer pays, of each variant."""
        return [variant.sale_price or variant.price for variant in self.variants]


def shop_spec() -> StoreSpec:
    """The kinds, colours and words that the goods are made of."""
    return parse_spec(_SPEC.read_text(encoding="utf-8"), str(_SPEC))


def make_goods(kinds: Sequence[str], count: int, seed: int = 7) -> list[Goods]:
    """`count` products of these kinds in turn."""
    spec = shop_spec()
    return [_goods(spec, kinds[number % len(kinds)], number, seed) for number in range(count)]


def _goods(spec: StoreSpec, kind: str, number: int, seed: int) -> Goods:
    rng, facts = random.Random(f"{seed}:{kind}:{number}"), spec.kinds[kind]
    brand, series = rng.choice(list(spec.brands)), rng.choice(spec.series)
    material, gender = rng.choice(facts.materials), rng.choice(facts.genders)
    key = f"{brand}-{series}-{facts.nouns[0]}-{number}".lower().replace(" & ", "-").replace(" ", "-")
    title = f"{brand} {series} {rng.choice(facts.nouns)}".title().replace("'S", "'s")
    html = (
        f"<p>{rng.choice(facts.also).capitalize()} made of <b>{material}</b> &ndash; "
        f"for {facts.use}.</p>\n<ul><li>{rng.choice(spec.care)}</li><li>caf&eacute;&#8209;proof</li></ul>"
    )
    return Goods(
        key=key,
        number=number,
        kind=kind,
        title=title,
        html=html,
        brand=brand,
        levels=tuple(facts.category.split(" > ")),
        material=material,
        gender=gender,
        variants=_variants(spec, kind, number, rng),
    )


def _variants(spec: StoreSpec, kind: str, number: int, rng: random.Random) -> tuple[Variant, ...]:
    facts = spec.kinds[kind]
    colors = rng.sample(list(facts.colors), rng.choice((1, 2, 3)))
    sizes = list(facts.sizes)[:_LARGEST_SIZES]
    low, high = facts.price
    price = round(low + rng.random() ** 2 * (high - low)) + 0.9
    sale = round(price * 0.8, 2) if rng.random() < 0.2 else None
    variants = []
    for color in colors:
        for place, size in enumerate(sizes):
            sku = f"{kind[:3].upper()}{number:05d}-{color[:4].upper()}-{place}"
            stock = 0 if rng.random() < 0.12 else rng.randrange(1, 60)
            dearer = price + 2 * place
            variants.append(
                Variant(
                    sku, color, size, dearer, sale and sale + 2 * place, stock, f"{number:05d}-{color}.jpg"
                )
            )
    return tuple(variants)


def draw(goods: Sequence[Goods], folder: Path, view: int = 0) -> None:
    """Writes the picture of each product in each of its colours. view: 0 the shop's, others a photo of it."""
    folder.mkdir(parents=True, exist_ok=True)
    spec = shop_spec()
    pattern = _drawn_items(spec, 1)[0]
    for product in goods:
        for name, color in {variant.picture: variant.color for variant in product.variants}.items():
            if not (folder / name).exists():
                (folder / name).write_bytes(_photo(spec, pattern, product, color, view))


def _photo(spec: StoreSpec, item, product: Goods, color: str, view: int) -> bytes:
    rng = random.Random(f"look:{product.key}")
    look = Look(
        drawing=product.kind,
        color=spec.colors[color].rgb,
        accent=(240, 240, 236),
        pattern="plain",
        pattern_scale=0.3,
        pattern_turn=0.0,
        cut=round(rng.random(), 2),
        stretch=(rng.uniform(0.9, 1.06), rng.uniform(0.9, 1.06)),
    )
    return jpeg(look, studio_view(spec, replace(item, product_id=product.key), view), _PIXELS)
