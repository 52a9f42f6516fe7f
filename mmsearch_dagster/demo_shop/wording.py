"""How the sample shop and its customers put the same facts into words."""

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from string import Formatter

from mmsearch_dagster.demo_shop.spec import PLAIN, UNISEX, StoreSpec

_SPACES = re.compile(r"\s+")
_STRAY = re.compile(r"\s+([,.:;])|^[,.:;\s]+|[,:;\s]+$")


@dataclass(frozen=True)
class Traits:
    """The truth about one product, whatever its texts say or leave out."""

    kind: str
    color: str
    pattern: str
    gender: str
    material: str
    brand: str


@dataclass(frozen=True)
class Wanted:
    """What a search asks for; None is what it does not mention."""

    kind: str
    color: str | None = None
    pattern: str | None = None
    gender: str | None = None
    material: str | None = None
    brand: str | None = None


def filled(template: str, words: Mapping[str, str]) -> str:
    """The template with its words, without the holes that empty words leave."""
    return _SPACES.sub(" ", _STRAY.sub(r"\1", template.format_map(words))).strip()


def sentence(text: str) -> str:
    """The text with capital letters where sentences begin."""
    return re.sub(r"(^|[.] )([a-z])", lambda hit: hit[1] + hit[2].upper(), text)


def words_for(spec: StoreSpec, traits: Traits, rng: random.Random) -> dict[str, str]:
    """One choice of English words for everything that templates may ask for."""
    kind, pattern = spec.kinds[traits.kind], spec.patterns[traits.pattern]
    gender = "" if traits.gender == UNISEX else rng.choice(spec.genders[traits.gender].words)
    return {
        "noun": rng.choice(kind.nouns),
        "also": rng.choice(kind.also),
        "color": rng.choice(spec.colors[traits.color].words),
        "pattern": rng.choice(pattern.words),
        "with": rng.choice(pattern.phrases),
        "gender": gender,
        "material": traits.material,
        "brand": traits.brand,
        "series": rng.choice(spec.series),
        "size": rng.choice(kind.sizes),
        "use": kind.use,
        "care": rng.choice(spec.care),
    }


def shop_words(spec: StoreSpec, traits: Traits, rng: random.Random) -> dict[str, str]:
    """Like `words_for`, but a shop does not praise a product as plain."""
    words = words_for(spec, traits, rng)
    return {**words, "pattern": "", "with": ""} if traits.pattern == PLAIN else words


def chinese_words(spec: StoreSpec, traits: Traits, rng: random.Random) -> dict[str, str]:
    """The Chinese words of the same facts; brand and series stay as they are."""
    pattern = "" if traits.pattern == PLAIN else spec.patterns[traits.pattern].zh
    return {
        "kind": spec.kinds[traits.kind].zh,
        "color": spec.colors[traits.color].zh,
        "pattern": pattern,
        "gender": spec.genders[traits.gender].zh,
        "brand": traits.brand,
        "series": rng.choice(spec.series),
    }


def wanted_by(template: str, traits: Traits) -> Wanted:
    """What a query made from `template` asks of a product like this one."""
    named = {field for _, field, _, _ in Formatter().parse(template) if field}
    return Wanted(
        kind=traits.kind,
        color=traits.color if "color" in named else None,
        pattern=traits.pattern if named & {"pattern", "with"} else None,
        gender=traits.gender if "gender" in named and traits.gender != UNISEX else None,
        material=traits.material if "material" in named else None,
        brand=traits.brand if "brand" in named else None,
    )


def english_query(spec: StoreSpec, traits: Traits, rng: random.Random) -> tuple[str, Wanted]:
    """What somebody types who looks for such a product, now and then with a slip of the fingers."""
    text, wanted = meant_query(spec, traits, rng)
    if rng.random() < spec.queries.misspelt:
        text = misspelt(text, rng)
    return text, wanted


def meant_query(spec: StoreSpec, traits: Traits, rng: random.Random) -> tuple[str, Wanted]:
    """What somebody would type or say without a slip."""
    template = rng.choice(spec.word_queries)
    return filled(template, words_for(spec, traits, rng)), wanted_by(template, traits)


def chinese_query(spec: StoreSpec, traits: Traits, rng: random.Random) -> tuple[str, Wanted]:
    """The same in Chinese."""
    template = rng.choice(spec.chinese_queries)
    words = chinese_words(spec, traits, rng)
    wanted = wanted_by(template, traits)
    if wanted.pattern == PLAIN:
        wanted = replace(wanted, pattern=None)
    return filled(template, words), wanted


def in_chinese(spec: StoreSpec, wanted: Wanted) -> str:
    """A Chinese query that asks for exactly what is `wanted`; a brand keeps its name."""
    words = {
        "kind": spec.kinds[wanted.kind].zh,
        "color": spec.colors[wanted.color].zh if wanted.color else "",
        "pattern": spec.patterns[wanted.pattern].zh if wanted.pattern else "",
        "gender": spec.genders[wanted.gender].zh if wanted.gender else "",
        "material": spec.materials[wanted.material] if wanted.material else "",
        "brand": f"{wanted.brand} " if wanted.brand else "",
    }
    return filled(spec.chinese_counterpart, words)


def misspelt(text: str, rng: random.Random) -> str:
    """Two neighbouring letters of the longest word change places."""
    word = max(text.split(), key=len, default="")
    if len(word) < 5:
        return text
    at = rng.randrange(1, len(word) - 2)
    return text.replace(word, word[:at] + word[at + 1] + word[at] + word[at + 2 :], 1)


def grade(wanted: Wanted, traits: Traits, similar: tuple[str, ...]) -> int:
    """Relevance 0-3 of a product.

    3: its kind and all that was asked for. 2: its kind, and the colour or at least half of the rest.
    1: its kind, or everything asked for on a kind that looks `similar`.
    """
    names = ("color", "pattern", "gender", "material", "brand")
    requested = [(name, value) for name in names if (value := getattr(wanted, name)) is not None]
    met = [name for name, value in requested if _fits(name, value, traits)]
    everything = len(met) == len(requested)
    if traits.kind != wanted.kind:
        return 1 if everything and traits.kind in similar else 0
    if everything:
        return 3
    return 2 if "color" in met or 2 * len(met) >= len(requested) else 1


def _fits(name: str, value: str, traits: Traits) -> bool:
    actual = getattr(traits, name)
    return actual == value or (name == "gender" and actual == UNISEX and value != "kids")
