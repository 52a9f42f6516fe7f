"""Judged queries of the sample shop: English and Chinese, typed or spoken, phone photos, a photo with a wish.

Grades are what the products really are, not what their texts say.
"""

import itertools
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from mmsearch_dagster.core.catalog.columns import AUDIO, GRADE, IMAGE, PRODUCT_ID, QUERY_ID, QUERY_TEXT, SPLIT
from mmsearch_dagster.demo_shop.catalogue import Item
from mmsearch_dagster.demo_shop.drawings.picture import Look, View
from mmsearch_dagster.demo_shop.drawings.surfaces import Rgb
from mmsearch_dagster.demo_shop.spec import PLAIN, StoreSpec
from mmsearch_dagster.demo_shop.wording import (
    Wanted,
    filled,
    grade,
    in_chinese,
    meant_query,
    misspelt,
    words_for,
)

JUDGMENT_FIELDS = (QUERY_ID, QUERY_TEXT, IMAGE, AUDIO, PRODUCT_ID, GRADE, SPLIT)

_TABLES: tuple[Rgb, ...] = (
    (188, 146, 100), (205, 208, 212), (122, 130, 140), (226, 214, 190), (96, 78, 64), (170, 186, 170),
)  # fmt: skip
_TRIES = 60  # how often a query is sampled again when its words were used before


@dataclass(frozen=True)
class Utterance:
    """Words to say: `voice`, `rate` (words per minute) and `pitch` as adapters.speech.espeak reads them."""

    words: str
    voice: str
    rate: int
    pitch: int


@dataclass(frozen=True)
class DemoQuery:
    """One judged query; `grades` hold product id -> 1..3.

    photo: what to draw for its picture. speech: what to say for its sound. wanted, meant: what its words
    ask for, and those words without a slip.
    """

    query_id: str
    text: str
    grades: dict[str, int]
    photo: tuple[Look, View] | None = None
    speech: Utterance | None = None
    wanted: Wanted | None = None
    meant: str = ""
    split: str = ""

    @property
    def image(self) -> str:
        """Relative path of the query's picture, empty without one."""
        return f"queries/{self.query_id}.jpg" if self.photo else ""

    @property
    def audio(self) -> str:
        """Relative path of the query's sound, empty without one."""
        return f"queries/{self.query_id}.wav" if self.speech else ""


def make_queries(spec: StoreSpec, items: Sequence[Item]) -> tuple[DemoQuery, ...]:
    """All judged queries, each group split by query; a counterpart is in the split of its original.

    `zh-0007` asks in Chinese for what `words-0007` asks for, `voice-0007` says it.
    """
    counts = spec.queries
    words = _split(spec, _distinct(counts.words, lambda number: _words(spec, items, number)))
    groups = (
        [_picture(spec, items, item, number) for number, item in enumerate(_photographed(spec, items))],
        [_mixed(spec, items, number) for number in range(counts.mixed)],
    )
    shown = [query for group in groups for query in _split(spec, [each for each in group if each])]
    return (*words, *_in_chinese(spec, words), *_spoken(spec, words), *shown)


def judgment_rows(query: DemoQuery) -> list[dict[str, str]]:
    """The query's judgments, best first."""
    best_first = sorted(query.grades.items(), key=lambda pair: (-pair[1], pair[0]))
    return [
        {
            QUERY_ID: query.query_id,
            QUERY_TEXT: query.text,
            IMAGE: query.image,
            AUDIO: query.audio,
            PRODUCT_ID: product,
            GRADE: str(mark),
            SPLIT: query.split,
        }
        for product, mark in best_first
    ]


def _distinct(count: int, make: Callable[[int], DemoQuery]) -> list[DemoQuery]:
    """Queries with different words: the same words in two splits would leak."""
    queries: dict[str, DemoQuery] = {}
    for number in range(count * _TRIES):
        if len(queries) == count:
            break
        query = make(number)
        queries.setdefault(
            query.text.lower(), replace(query, query_id=f"{query.query_id}-{len(queries) + 1:04d}")
        )
    return list(queries.values())


def _words(spec: StoreSpec, items: Sequence[Item], number: int) -> DemoQuery:
    rng = spec.rng("query:words", number)
    meant, wanted = meant_query(spec, rng.choice(items).traits, rng)
    text = misspelt(meant, rng) if rng.random() < spec.queries.misspelt else meant
    similar = spec.kinds[wanted.kind].similar
    grades = _positive({item.product_id: grade(wanted, item.traits, similar) for item in items})
    return DemoQuery("words", text, grades, wanted=wanted, meant=meant)


def _in_chinese(spec: StoreSpec, words: Sequence[DemoQuery]) -> list[DemoQuery]:
    """What the English queries ask for in Chinese, each wording once: two splits must not share one."""
    queries: dict[str, DemoQuery] = {}
    for query in words:
        if query.wanted is not None and len(queries) < spec.queries.chinese:
            text = in_chinese(spec, query.wanted)
            queries.setdefault(
                text, replace(query, query_id=query.query_id.replace("words", "zh"), text=text, meant=text)
            )
    return list(queries.values())


def _spoken(spec: StoreSpec, words: Sequence[DemoQuery]) -> list[DemoQuery]:
    """English queries read aloud, without their text; several voices, speeds and pitches."""
    rng, queries = spec.rng("query:spoken"), []
    for query in words[: spec.queries.spoken]:
        speech = Utterance(query.meant, rng.choice(spec.voices), rng.randint(130, 180), rng.randint(35, 65))
        name = query.query_id.replace("words", "voice")
        queries.append(replace(query, query_id=name, text="", speech=speech))
    return queries


def _photographed(spec: StoreSpec, items: Sequence[Item]) -> list[Item]:
    """Products whose photo is searched with: each once, as long as there are enough."""
    pictured = [item for item in items if item.pictures]
    spec.rng("photographed").shuffle(pictured)
    return list(itertools.islice(itertools.cycle(pictured), spec.queries.pictures))


def _picture(spec: StoreSpec, items: Sequence[Item], item: Item, number: int) -> DemoQuery:
    grades = {
        other.product_id: 1 + (other.traits.pattern == item.traits.pattern)
        for other in items
        if (other.traits.kind, other.traits.color) == (item.traits.kind, item.traits.color)
    }
    grades[item.product_id] = 3
    return DemoQuery(
        f"picture-{number + 1:04d}",
        "",
        grades,
        (item.look, phone_view(spec, spec.rng("query:picture", number))),
    )


def _mixed(spec: StoreSpec, items: Sequence[Item], number: int) -> DemoQuery | None:
    """A photo of one product and the wish for another of its kind that differs in colour or pattern only."""
    rng = spec.rng("query:mixed", number)
    pairs: list[tuple[Item, Item]] = []
    by_color = rng.random() < 0.7
    for _ in range(_TRIES):
        shown = rng.choice([item for item in items if item.pictures])
        pairs = [(shown, item) for item in items if _differs_in_single_trait(shown, item, by_color)]
        if pairs:
            break
    if not pairs:
        return None
    shown, target = rng.choice(pairs)
    words = words_for(spec, target.traits, rng)
    text = filled(rng.choice(spec.color_changes if by_color else spec.pattern_changes), words)
    grades = {item.product_id: _mixed_grade(shown, target, item, by_color) for item in items}
    return DemoQuery(f"mixed-{number + 1:04d}", text, _positive(grades), (shown.look, phone_view(spec, rng)))


def _differs_in_single_trait(shown: Item, other: Item, by_color: bool) -> bool:
    a, b = shown.traits, other.traits
    if a.kind != b.kind or (a.color != b.color) != by_color or (a.pattern != b.pattern) == by_color:
        return False
    return by_color or b.pattern != PLAIN


def _mixed_grade(shown: Item, target: Item, item: Item, by_color: bool) -> int:
    """3: the wish granted and the rest kept. 2: the wish granted. 1: the rest kept."""
    want, traits = target.traits, item.traits
    if traits.kind != want.kind:
        return 0
    same_color, same_pattern = traits.color == want.color, traits.pattern == want.pattern
    granted, kept = (same_color, same_pattern) if by_color else (same_pattern, same_color)
    return 3 if granted and kept else 2 if granted else 1 if kept else 0


def _positive(grades: dict[str, int]) -> dict[str, int]:
    return {product: mark for product, mark in grades.items() if mark > 0}


def _split(spec: StoreSpec, queries: list[DemoQuery]) -> list[DemoQuery]:
    """The queries with their split: shares as in the specification, drawn by query."""
    order = list(range(len(queries)))
    spec.rng(f"split:{queries[0].query_id if queries else ''}").shuffle(order)
    names, bounds, done = list(spec.queries.splits), [], 0.0
    for name in names:
        done += spec.queries.splits[name]
        bounds.append(round(done * len(queries)))
    split_of = {row: names[sum(rank >= bound for bound in bounds[:-1])] for rank, row in enumerate(order)}
    return [replace(query, split=split_of[row]) for row, query in enumerate(queries)]


def phone_view(spec: StoreSpec, rng: random.Random) -> View:
    """A snapshot at home: turned, tilted, cut off, among other things, with noise and a colour cast."""
    return View(
        turn=rng.uniform(-38, 38),
        zoom=rng.uniform(0.68, 1.08),
        shift=(rng.uniform(-0.2, 0.2), rng.uniform(-0.2, 0.2)),
        tilt=(rng.uniform(-0.16, 0.16), rng.uniform(-0.16, 0.16)),
        flip=rng.random() < 0.25,
        background=rng.choice(("planks", "tiles", "woven")),
        tint=rng.choice(_TABLES),
        light=(rng.uniform(0, 360), rng.uniform(0.08, 0.28)),
        cast=(rng.uniform(0.86, 1.08), rng.uniform(0.88, 1.04), rng.uniform(0.8, 1.06)),
        clutter=rng.randint(2, 6),
        noise=rng.uniform(3, 12),
        blur=rng.uniform(0.0, 0.9),
        quality=spec.picture.phone_quality,
        seed=rng.randrange(2**31),
    )
