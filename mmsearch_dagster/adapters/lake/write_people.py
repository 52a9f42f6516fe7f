"""Writes the people's files of a release, which `people` reads: profiles, ranker, reviews."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from mmsearch_dagster.adapters.lake import people as files
from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.modalities import Matrix
from mmsearch_dagster.core.retrieval.business_rules import BusinessRules
from mmsearch_dagster.core.user_profiles.churn import CHURN, churn_scores, fit_churn, visit_features
from mmsearch_dagster.core.user_profiles.profiles import PURCHASE

if TYPE_CHECKING:
    from mmsearch_dagster.core.personalisation.experiment import Experiment
    from mmsearch_dagster.core.personalisation.features import Items
    from mmsearch_dagster.core.personalisation.people_state import PeopleState


def write_people(
    folder: Path,
    experiment: "Experiment",
    items: "Items",
    rules: BusinessRules,
    *,
    tables: Mapping[str, pl.DataFrame],
) -> str:
    """Writes all files about people of a release into one folder.

    A person has two vectors: the fused one of the profile and the ranker's; reviews lose their authors.

    Args:
        folder: where the files go.
        experiment: the ranker and the state of people.
        items: the products as the ranker reads them.
        rules: the shop's business rules.
        tables: `profiles` (core.user_profiles.profiles), `events` and `reviews`.

    Returns:
        The digest of the content (`folder_sha256`).
    """
    from mmsearch_dagster.core.personalisation.experiment import facts_of

    folder.mkdir(parents=True, exist_ok=True)
    facts: dict[str, Any] = {**facts_of(experiment), files.BLOCKS: dict(items.blocks)}
    (folder / files.FACTS).write_text(json.dumps(facts, ensure_ascii=False), encoding="utf-8")
    (folder / files.RULES).write_text(rules.model_dump_json(), encoding="utf-8")
    _write_products(folder, experiment, items)
    tables["reviews"].drop(col.USER_ID).write_parquet(folder / files.REVIEWS)
    people = _people(experiment.state, tables) if experiment.state else tables["profiles"]
    people.write_parquet(folder / files.PEOPLE)
    if experiment.ranker is not None:
        experiment.ranker.ranker.save(folder)
    return files.folder_sha256(folder)


def _people(state: "PeopleState", tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    from mmsearch_dagster.core.personalisation.training_rows import after_the_log

    factors = state.people.factors
    if factors is None:
        factors = np.zeros((len(state.ids), 1), np.float32)
    vectors = state.profiles.select(
        col.USER_ID,
        _array(state.people.vectors).alias(files.RANKER_VECTOR),
        _array(factors).alias(files.RANKER_FACTORS),
    )
    rows = tables["profiles"].join(vectors, on=col.USER_ID, how="inner")
    rows = rows.join(_bought(tables["events"]), on=col.USER_ID, how="left").sort(col.USER_ID)
    moment = after_the_log(tables["events"])
    if moment is None:
        return rows
    visits = visit_features(tables["events"], moment)
    churn = churn_scores(visits, fit_churn(visits)).select(col.USER_ID, CHURN)
    return rows.join(churn, on=col.USER_ID, how="left").sort(col.USER_ID)


def _bought(events: pl.DataFrame) -> pl.DataFrame:
    """Who bought something, and what."""
    purchases = events.filter(pl.col(col.ACTION) == PURCHASE)
    return purchases.group_by(col.USER_ID).agg(pl.col(col.PRODUCT_ID).unique().sort().alias(files.BOUGHT))


def _write_products(folder: Path, experiment: "Experiment", items: "Items") -> None:
    state = experiment.state
    factors = state.factors if state else np.zeros((len(items), 1), np.float32)
    popularity = state.popularity if state else np.zeros(len(items))
    pl.DataFrame(
        {
            col.PRODUCT_ID: list(items.ids),
            files.RANKER_VECTOR: _array(items.vectors),
            files.RANKER_FACTORS: _array(factors),
            files.POPULARITY: popularity,
            col.PRICE: items.price,
            col.RATING: items.rating,
            col.UPDATED_AT: items.updated,
            col.CATEGORY: list(items.categories),
        },
        schema_overrides={col.PRODUCT_ID: pl.String, col.CATEGORY: pl.String},
    ).write_parquet(folder / files.PRODUCTS)


def _array(matrix: Matrix) -> pl.Series:
    return pl.Series(np.ascontiguousarray(matrix), dtype=pl.Array(pl.Float32, matrix.shape[1]))
