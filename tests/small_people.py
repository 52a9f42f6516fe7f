"""A small release that knows people: fans of red and of blue things, who look by position."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl

from mmsearch_dagster.adapters.lake.people import FACTS, RULES, PeopleFiles, folder_sha256
from mmsearch_dagster.adapters.lake.write_people import write_people
from mmsearch_dagster.core.catalog.reviews import ordered_by_usefulness, smoothed_ratings
from mmsearch_dagster.core.catalog.schemas import EVENTS, PRODUCTS, REVIEWS
from mmsearch_dagster.core.modalities import IMAGE, TEXT, assemble
from mmsearch_dagster.core.personalisation.catalogue import items_of
from mmsearch_dagster.core.personalisation.experiment import Experiment, run_experiment
from mmsearch_dagster.core.personalisation.features import Items
from mmsearch_dagster.core.personalisation.fit import RankerParams
from mmsearch_dagster.core.retrieval.business_rules import BusinessRules
from mmsearch_dagster.core.user_profiles.profiles import EMPTY, profiles
from mmsearch_dagster.serving.engine import Engine
from mmsearch_dagster.serving.recommender import Recommender
from tests.catalogue_rows import COLOURS, catalogue
from tests.small_release import (
    IMAGE_WIDTH,
    TEXT_WIDTH,
    HashedWords,
    MeanColour,
    SmallRelease,
    picture,
)

START = datetime(2026, 5, 1, tzinfo=UTC)
USERS = 20


def fan(number: int) -> str:
    """Even numbers like red, odd ones blue."""
    return f"fan-{number:02}"


def log(products: int, pages: int = 700) -> pl.DataFrame:
    rng = np.random.default_rng(4)
    rows: list[dict[str, object]] = []
    for page in range(pages):
        user, moment = int(rng.integers(USERS)), START + timedelta(minutes=30 * page)
        base = {"user_id": fan(user), "session_id": f"s{page}", "query_id": f"q{page:04}"}
        for position, n in enumerate(rng.choice(products, 5, replace=False).tolist()):
            one = {**base, "product_id": f"p{n:05d}", "position": position, "timestamp": moment}
            rows.append({**one, "action": "impression"})
            liked = COLOURS[n % 5] == ("red", "blue")[user % 2]
            if rng.random() < (0.9 if liked else 0.08) / (1 + position):
                rows.append({**one, "action": "click", "timestamp": moment + timedelta(seconds=20)})
    return pl.DataFrame([{"event_id": f"e{n}", **row} for n, row in enumerate(rows)], schema=EVENTS)


def reviews() -> pl.DataFrame:
    rows = [
        {"review_id": "r1", "product_id": "p00000", "user_id": "fan-00", "rating": 5.0, "text": "good"},
        {"review_id": "r2", "product_id": "p00000", "user_id": "fan-01", "rating": 2.0,
         "text": "The left sole came off after two wet weeks in spring"},
    ]  # fmt: skip
    return ordered_by_usefulness(pl.DataFrame(rows, schema=REVIEWS))


@dataclass(frozen=True)
class SmallPeople:
    folder: Path
    sha256: str
    items: Items
    found: Experiment

    def recommender(self, engine: Engine) -> Recommender:
        return Recommender(engine, PeopleFiles.open(self.folder, self.sha256))

    def deciding(self, folder: Path, **facts: object) -> "SmallPeople":
        """A copy in `folder` with other facts; a fact of None is left out."""
        file = shutil.copytree(self.folder, folder) / FACTS
        told = json.loads(file.read_text(encoding="utf-8")) | facts
        kept = {name: one for name, one in told.items() if one is not None}
        file.write_text(json.dumps(kept), encoding="utf-8")
        return replace(self, folder=folder, sha256=folder_sha256(folder))

    def ruling(self, folder: Path, rules: BusinessRules) -> "SmallPeople":
        """A copy in `folder` with other rules."""
        (shutil.copytree(self.folder, folder) / RULES).write_text(rules.model_dump_json(), encoding="utf-8")
        return replace(self, folder=folder, sha256=folder_sha256(folder))


def make_people(
    folder: Path,
    release: SmallRelease,
    *,
    rules: BusinessRules = BusinessRules(),
    events: pl.DataFrame | None = None,
) -> SmallPeople:
    """What a run would put beside the model of `release`."""
    count = release.manifest.index.rows if release.manifest.index else 0
    learned = _usually_learned(count) if events is None else _learned(count, events)
    sha256 = write_people(folder, learned.found, learned.items, rules, tables=learned.tables)
    return SmallPeople(folder, sha256, learned.items, learned.found)


@dataclass(frozen=True)
class _Learned:
    items: Items
    found: Experiment
    tables: Mapping[str, pl.DataFrame]


@cache
def _usually_learned(products: int) -> _Learned:
    """From the usual log: the same for every release of so many products."""
    return _learned(products, log(products))


def _learned(count: int, events: pl.DataFrame) -> _Learned:
    rows = catalogue(count)
    shared = [name for name in PRODUCTS if name in rows.columns]
    products = pl.concat([pl.DataFrame(schema=PRODUCTS), rows.select(shared)], how="diagonal")
    words, colours, ids = HashedWords(), MeanColour(), rows["product_id"].to_list()
    texts = {key: words.vector(title) for key, title in zip(ids, rows["title"], strict=True)}
    pictures = {key: colours.vector(picture(COLOURS[n % 5])) for n, key in enumerate(ids)}
    batch = assemble(ids, {TEXT: texts, IMAGE: pictures}, {TEXT: TEXT_WIDTH, IMAGE: IMAGE_WIDTH})
    items = items_of(products, batch, smoothed_ratings(reviews()))
    params = RankerParams(resamples=300, min_pages=40)
    found = run_experiment(events, products, items, params, cosines=lambda ids, rows: {}, reviews=reviews())
    people = found.state.profiles if found.state else profiles(EMPTY, products, {}, {})
    return _Learned(items, found, {"profiles": people, "events": events, "reviews": reviews()})
