"""The reviewed specification of the sample shop, read and checked."""

import difflib
import random
from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mmsearch_dagster.core.catalog.columns import SPLITS
from mmsearch_dagster.core.errors import ConfigError
from mmsearch_dagster.core.yaml_text import load_yaml
from mmsearch_dagster.demo_shop.drawings.picture import DRAWINGS
from mmsearch_dagster.demo_shop.drawings.surfaces import PATTERNS, Rgb

PLAIN = "plain"
UNISEX = "unisex"

Share = Annotated[float, Field(ge=0, le=1)]
Words = Annotated[tuple[str, ...], Field(min_length=1)]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PictureSpec(_Record):
    size: int = Field(ge=32, le=1024)
    quality: int = Field(ge=1, le=95)
    phone_quality: int = Field(ge=1, le=95)


class ProductsSpec(_Record):
    count: int = Field(ge=1)
    currency: str
    without_picture: Share
    second_picture: Share
    without_title: Share
    without_description: Share
    chinese_title: Share
    color_filled_in: Share
    pattern_filled_in: Share
    plain: Share
    in_stock: Share


class AfterClick(_Record):
    view: Share
    add_to_cart: Share
    purchase: Share


class MediaSpec(_Record):
    sound: Share
    sound_files: dict[Literal["wav", "flac", "ogg", "mp3"], Share]
    stereo: Share
    silent_sounds: int = Field(ge=0)
    broken_sounds: int = Field(ge=0)
    films: int = Field(ge=0)
    film_files: dict[Literal["mp4", "webm", "gif"], Share]
    film_size: int = Field(ge=16, le=512, multiple_of=2)
    frames: int = Field(ge=2, le=60)
    broken_films: int = Field(ge=0)


class ReviewsSpec(_Record):
    count: int = Field(ge=0)
    chinese: Share
    empty: Share


class LogSpec(_Record):
    users: int = Field(ge=1)
    events: int = Field(ge=0)
    days: int = Field(ge=1)
    shown: int = Field(ge=1)
    position_bias: float = Field(ge=0)
    click_by_grade: tuple[Share, Share, Share, Share]
    browsing: Share
    chinese: Share
    after_click: AfterClick


class QueriesSpec(_Record):
    words: int = Field(ge=0)
    chinese: int = Field(ge=0)
    spoken: int = Field(ge=0)
    pictures: int = Field(ge=0)
    mixed: int = Field(ge=0)
    misspelt: Share
    splits: dict[str, Share]


class ColorSpec(_Record):
    rgb: Rgb
    words: Words
    zh: str


class PatternSpec(_Record):
    words: Words
    phrases: Words = Field(alias="with")
    zh: str


class GenderSpec(_Record):
    words: Words
    zh: str


class KindSpec(_Record):
    category: str
    nouns: Words
    also: Words
    zh: str
    price: tuple[float, float]
    genders: Words
    sizes: Words
    materials: Words
    colors: Words
    patterns: tuple[str, ...]
    similar: tuple[str, ...]
    use: str


class StoreSpec(_Record):
    """Everything about the shop; see the comments in assets/sample/store.yaml."""

    name: str
    seed: int
    now: datetime
    picture: PictureSpec
    products: ProductsSpec
    broken_rows: dict[str, int]
    media: MediaSpec
    reviews: ReviewsSpec
    log: LogSpec
    queries: QueriesSpec
    colors: dict[str, ColorSpec]
    patterns: dict[str, PatternSpec]
    genders: dict[str, GenderSpec]
    materials: dict[str, str]
    brands: dict[str, Share]
    series: Words
    titles: Words
    descriptions: Words
    chinese_titles: Words
    word_queries: Words
    chinese_queries: Words
    chinese_counterpart: str
    voices: Words
    color_changes: Words
    pattern_changes: Words
    kinds: dict[str, KindSpec]
    care: Words

    def rng(self, purpose: str, number: int = 0) -> random.Random:
        """A source of chance of its own for each purpose, so that one change does not shift all others."""
        return random.Random(f"{self.seed}:{purpose}:{number}")


def _check(where: str, name: str, allowed: Iterable[str]) -> None:
    choices = sorted(allowed)
    if name not in choices:
        near = difflib.get_close_matches(name, choices, 1)
        hint = f"did you mean '{near[0]}'?" if near else f"known: {', '.join(choices)}"
        raise ConfigError(f"{where}: '{name}' is not known; {hint}")


def _check_names(spec: StoreSpec, where: str) -> None:
    for pattern in (PLAIN, *spec.patterns):
        _check(f"{where}: patterns", pattern, PATTERNS)
        _check(f"{where}: patterns", pattern, spec.patterns)
    for split in spec.queries.splits:
        _check(f"{where}: queries.splits", split, SPLITS)
    for name, kind in spec.kinds.items():
        here = f"{where}: kinds.{name}"
        _check(here, name, DRAWINGS)
        for key, used, allowed in (
            ("colors", kind.colors, spec.colors),
            ("patterns", kind.patterns, spec.patterns),
            ("genders", kind.genders, spec.genders),
            ("materials", kind.materials, spec.materials),
            ("similar", kind.similar, spec.kinds),
        ):
            for each in used:
                _check(f"{here}.{key}", each, allowed)


def parse_spec(text: str, where: str) -> StoreSpec:
    """The specification in the YAML `text` of file `where`.

    Raises ConfigError with file, place and the nearest known name.
    """
    document = load_yaml(text, where)
    try:
        spec = StoreSpec.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "top level"
        raise ConfigError(f"{where}: {key}: {first['msg']}") from error
    _check_names(spec, where)
    return spec
