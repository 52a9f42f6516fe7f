"""The ranker and what a release takes along about people: one folder in the lake, named by its inputs."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from mmsearch_dagster.adapters.lake import Snapshot
from mmsearch_dagster.core import columns as c
from mmsearch_dagster.core.business_rules import parse_rules
from mmsearch_dagster.core.digest import digest_of
from mmsearch_dagster.core.modalities import TEXT, ModalityBatch
from mmsearch_dagster.defs.behaviour.profiles_step import PROFILES
from mmsearch_dagster.defs.people import reviews_step
from mmsearch_dagster.defs.report import StepReport, timed
from mmsearch_dagster.defs.training import examples_step as examples
from mmsearch_dagster.defs.workspace import Workspace

if TYPE_CHECKING:
    from mmsearch_dagster.core.ranking.features import Items
    from mmsearch_dagster.core.ranking.study import Study
    from mmsearch_dagster.core.release import RankerPin

ASSET = "ranker"
SHA256 = "people sha256"
_CODE = 1
_TABLES = ("measures", "exposure", "orders of result pages")
_PICTURES = ("lists", "exposure", "training")
_INPUTS = ("products", "interactions", "searches", reviews_step.ASSET, examples.ASSET, PROFILES)


def train_ranker(workspace: Workspace) -> StepReport:
    """Study the log; without one the step says so and the run goes on."""
    from mmsearch_dagster.core.ranking.training import RankerParams

    with timed(ASSET) as report:
        params = RankerParams()
        policy = _policy(workspace)
        inputs = {name: workspace.lake.current(name) for name in _INPUTS}
        facts = {
            "code": _CODE,
            "params": params.model_dump(),
            "rules": policy,
            "inputs": {name: one.digest for name, one in inputs.items()},
        }
        snapshot, made = workspace.lake.obtain(
            ASSET, digest_of(facts), lambda folder: _make(workspace, inputs, policy, folder)
        )
        report.about(snapshot, made)
        report.note = "; ".join(snapshot.facts["sentences"])
        for name in _TABLES:
            if snapshot.facts.get(name):
                report.tables[name] = pl.DataFrame(snapshot.facts[name])
        for name in _PICTURES:
            if (snapshot.folder / f"{name}.png").exists():
                report.pictures[name] = (snapshot.folder / f"{name}.png").read_bytes()
    return report


@dataclass(frozen=True)
class PinnedPeople:
    """The files that go into the model version, and their line in the manifest."""

    pin: "RankerPin"
    folder: Path


def pin_of(workspace: Workspace) -> PinnedPeople:
    """What the current ranker brings to a release."""
    from mmsearch_dagster.adapters.people_files import FOLDER
    from mmsearch_dagster.core.release import RankerPin

    snapshot = workspace.lake.current(ASSET)
    facts = snapshot.facts
    pin = RankerPin(
        sha256=facts[SHA256],
        promoted=facts["ranker promoted"],
        lists=facts["lists"],
        people=facts["people"],
    )
    return PinnedPeople(pin, snapshot.folder / FOLDER)


def _policy(workspace: Workspace) -> dict[str, Any]:
    file = workspace.assets / "policies" / "business.yaml"
    text = file.read_text(encoding="utf-8") if file.exists() else ""
    return parse_rules(text, str(file)).model_dump(mode="json")


def _make(
    workspace: Workspace, inputs: dict[str, Snapshot], policy: dict[str, Any], folder: Path
) -> dict[str, Any]:
    from mmsearch_dagster.adapters import people_files
    from mmsearch_dagster.adapters.query_files import load_batch
    from mmsearch_dagster.core.ranking.study import facts_of, study
    from mmsearch_dagster.core.ranking.training import RankerParams

    batch = load_batch(inputs[examples.ASSET].folder, examples.ITEMS)
    products, events = inputs["products"].table(), inputs["interactions"].table()
    ratings = pl.read_parquet(inputs[reviews_step.ASSET].folder / reviews_step.RATINGS)
    items = items_of(products, batch, ratings)
    cosines = _query_cosines(workspace, batch, inputs["searches"].table())
    found = study(events, products, items, RankerParams(), cosines)
    people = folder / people_files.FOLDER
    people.mkdir()
    facts = dict(facts_of(found))
    (people / people_files.FACTS).write_text(json.dumps(facts, ensure_ascii=False), encoding="utf-8")
    (people / people_files.RULES).write_text(json.dumps(policy), encoding="utf-8")
    _write_tables(inputs, found, items, ratings, people)
    if found.ranker is not None:
        from mmsearch_dagster.core.ranking.network import save_ranker

        save_ranker(found.ranker.trained.ranker, people)
        facts["mlflow run"] = _log(workspace, found, inputs[examples.ASSET].digest)
    _draw(found, folder)
    known = len(found.known.ids) if found.known else 0
    return {
        "rows": known,
        "people": known,
        SHA256: people_files.folder_sha256(people),
        **facts,
        **_tables(found),
    }


def items_of(products: pl.DataFrame, batch: ModalityBatch, ratings: pl.DataFrame) -> "Items":
    """The catalogue as the ranker reads it, in the order of `batch`."""
    from mmsearch_dagster.core.ranking.features import Items
    from mmsearch_dagster.core.ranking.spaces import space_of
    from mmsearch_dagster.core.reviews import SMOOTHED

    space = space_of(batch)
    ordered = (
        pl.DataFrame({c.PRODUCT_ID: list(batch.ids)}, schema={c.PRODUCT_ID: pl.String})
        .join(products, on=c.PRODUCT_ID, how="left", maintain_order="left")
        .join(ratings, on=c.PRODUCT_ID, how="left", maintain_order="left")
    )
    updated = ordered[c.UPDATED_AT].dt.epoch("us").cast(pl.Float64) / 1e6
    return Items(
        ids=batch.ids,
        vectors=space.vectors,
        factors=None,
        price=_floats(ordered[c.PRICE]),
        rating=_floats(ordered[SMOOTHED]),
        updated=_floats(updated),
        categories=tuple(ordered[c.CATEGORY].to_list()),
        blocks=space.blocks,
    )


def _floats(column: pl.Series) -> np.ndarray:
    return column.cast(pl.Float64).fill_null(float("nan")).to_numpy()


def _query_cosines(workspace: Workspace, batch: ModalityBatch, searches: pl.DataFrame) -> Any:
    """(query ids, product rows) -> text -> cosine of what was typed and the product's text."""
    from mmsearch_dagster.adapters.feature_store import text_content
    from mmsearch_dagster.core.text import query_text

    spec = workspace.encoder(TEXT)
    typed = {
        key: query_text(text)
        for key, text in searches.select(c.QUERY_ID, c.QUERY_TEXT).drop_nulls().iter_rows()
    }
    if spec is None or TEXT not in batch.vectors or not any(typed.values()):
        return lambda ids, rows: {}
    contents = {key: text_content(spec.query_text(text)) for key, text in typed.items() if text}
    read = workspace.features.obtain(
        workspace.identity(spec),
        list(contents.values()),
        workspace.loader(spec),
        workspace.progress,
        "searches (text)",
    )
    keys = {key: content.key for key, content in contents.items() if content.key in read.vectors}
    items, present = _unit(batch.vectors[TEXT]), batch.present[TEXT]
    units = {key: vector / max(float(np.linalg.norm(vector)), 1e-9) for key, vector in read.vectors.items()}
    nothing = np.full(items.shape[1], np.nan, dtype=np.float32)

    def cosines(ids: pl.Series, rows: np.ndarray) -> dict[str, np.ndarray]:
        asked = np.stack([units[keys[key]] if key in keys else nothing for key in ids])
        found = (asked * items[rows]).sum(axis=1).astype(np.float64)
        return {TEXT: np.where(present[rows], found, np.nan)}

    return cosines


def _unit(matrix: np.ndarray) -> np.ndarray:
    return matrix / np.maximum(np.linalg.norm(matrix, axis=1, keepdims=True), 1e-9)


def _array(matrix: np.ndarray) -> pl.Series:
    return pl.Series(np.ascontiguousarray(matrix), dtype=pl.Array(pl.Float32, matrix.shape[1]))


def _write_tables(
    inputs: dict[str, Snapshot], found: "Study", items: "Items", ratings: pl.DataFrame, folder: Path
) -> None:
    """People with both their spaces and their churn; products; reviews without their writers."""
    from mmsearch_dagster.adapters import people_files as files
    from mmsearch_dagster.core.churn import CHURN, churn_scores, fit_churn, visit_figures
    from mmsearch_dagster.core.ranking.log_pages import after_the_log

    known, events = found.known, inputs["interactions"].table()
    factors = known.factors if known else np.zeros((len(items), 1), np.float32)
    popularity = known.popularity if known else np.zeros(len(items))
    pl.DataFrame(
        {
            c.PRODUCT_ID: list(items.ids),
            files.OWN_VECTOR: _array(items.vectors),
            files.OWN_FACTORS: _array(factors),
            files.POPULARITY: popularity,
            c.PRICE: items.price,
            c.RATING: items.rating,
            c.UPDATED_AT: items.updated,
            c.CATEGORY: list(items.categories),
        },
        schema_overrides={c.PRODUCT_ID: pl.String, c.CATEGORY: pl.String},
    ).write_parquet(folder / files.PRODUCTS)
    reviews = inputs[reviews_step.ASSET].table()
    reviews.drop(c.USER_ID).write_parquet(folder / files.REVIEWS)
    profiles = inputs[PROFILES].table()
    moment = after_the_log(events)
    if known is None or moment is None:
        profiles.write_parquet(folder / files.PEOPLE)
        return
    own = known.profiles.select(
        c.USER_ID,
        _array(known.people.vectors).alias(files.OWN_VECTOR),
        _array(
            known.people.factors if known.people.factors is not None else np.zeros((len(known.ids), 1))
        ).alias(files.OWN_FACTORS),
    )
    figures = visit_figures(events, moment)
    churn = churn_scores(figures, fit_churn(figures)).select(c.USER_ID, CHURN)
    profiles.join(own, on=c.USER_ID, how="inner").join(churn, on=c.USER_ID, how="left").sort(
        c.USER_ID
    ).write_parquet(folder / files.PEOPLE)


def _log(workspace: Workspace, found: "Study", examples_digest: str) -> str:
    """A nested MLflow run beside those of the fusion candidates."""
    assert found.ranker is not None
    trained = found.ranker.trained
    parent = workspace.tracking.refresh(examples_digest)
    with workspace.tracking.strategy(parent, ASSET) as log:
        log.params({"promoted": str(found.promoted), "decision": found.ranker.decision.sentence[:480]})
        for epoch, value in trained.loss_curve:
            log.curve("loss", epoch, value)
        for epoch, value in trained.validation_curve:
            log.curve("validation_ndcg@10", epoch, value)
        return log.run_id


def _tables(found: "Study") -> dict[str, Any]:
    from mmsearch_dagster.core.ranking.evaluation import summary

    pages = summary(found.ranker.figures) if found.ranker else []
    return {
        "measures": found.lists.measures.to_dicts() if found.lists else [],
        "exposure": found.lists.exposure.to_dicts() if found.lists else [],
        "orders of result pages": [dict(row) for row in pages],
    }


def _draw(found: "Study", folder: Path) -> None:
    """How good each order of lists is, who is shown how much, how training went."""
    from mmsearch_dagster.adapters.charts import Bar, curves, metric_bars

    if found.lists is not None and found.lists.measures.height:
        bars = [
            Bar(row["order"], row["ndcg@10"], row["ndcg@10"], row["ndcg@10"], row["order"] == found.order)
            for row in found.lists.measures.to_dicts()
        ]
        png = metric_bars(bars, title="Lists for known people, test period", metric="nDCG@10")
        (folder / "lists.png").write_bytes(png)
        even = [
            Bar(row["group"], row["ratio"], row["ratio"], row["ratio"])
            for row in found.lists.exposure.to_dicts()
        ]
        png = metric_bars(even, title="Exposure / share of the catalogue (1 is even)", metric="ratio")
        (folder / "exposure.png").write_bytes(png)
    if found.ranker is not None:
        lines = {
            "loss": found.ranker.trained.loss_curve,
            "validation nDCG@10, corrected": found.ranker.trained.validation_curve,
        }
        (folder / "training.png").write_bytes(curves(lines, title="Training: ranker", y_label=""))
