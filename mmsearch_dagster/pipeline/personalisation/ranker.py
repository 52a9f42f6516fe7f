"""The step `ranker`: the personal ranker and the people's files of a release, one folder in the lake."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from mmsearch_dagster.adapters.lake.lineage import current_inputs
from mmsearch_dagster.adapters.lake.snapshots import Facts, Snapshot
from mmsearch_dagster.core.digest import digest_of
from mmsearch_dagster.pipeline.ingest import reviews as reviews_step
from mmsearch_dagster.pipeline.personalisation import ranker_report
from mmsearch_dagster.pipeline.personalisation.profiles import PROFILES
from mmsearch_dagster.pipeline.personalisation.query_similarity import query_cosines
from mmsearch_dagster.pipeline.report import StepReport, timed
from mmsearch_dagster.pipeline.training import examples
from mmsearch_dagster.pipeline.workspace import Workspace

if TYPE_CHECKING:
    from mmsearch_dagster.core.release import RankerPin
    from mmsearch_dagster.core.retrieval.business_rules import BusinessRules

ASSET = "ranker"
CODE_VERSION = "11"
_INPUTS = ("products", "interactions", "searches", reviews_step.ASSET, examples.ASSET, PROFILES)


class RankerFacts(Facts):
    """What later steps read of the ranker.

    people: how many are known. people_sha256: over the files that a release takes along. lists: the order of
    lists without a query. sentences: for a person to read. tables: of `ranker_report`, by their name.
    """

    people: int
    people_sha256: str
    mlflow_run: str | None
    ranker_promoted: bool
    lists: str
    sentences: list[str]
    decision: dict[str, Any] | None
    measures: dict[str, Any]
    tables: dict[str, list[dict[str, Any]]]


def train_ranker(workspace: Workspace) -> StepReport:
    """Evaluate the ranker on the log; without one the step says so and the run goes on."""
    from mmsearch_dagster.core.personalisation.fit import RankerParams

    with timed(ASSET) as report:
        params = RankerParams()
        rules = workspace.business_rules
        inputs = dict(current_inputs(workspace.lake, _INPUTS))
        facts = {
            "code": CODE_VERSION,
            "params": params.model_dump(),
            "rules": rules.model_dump(mode="json"),
            "inputs": {name: snapshot.digest for name, snapshot in inputs.items()},
        }
        snapshot, made = workspace.lake.obtain(
            ASSET,
            digest_of(facts),
            lambda folder: _make(workspace, inputs, rules, folder).model_dump(),
            inputs=inputs.values(),
        )
        report.about(snapshot, made)
        stored = RankerFacts.of(snapshot)
        report.note = "; ".join(stored.sentences)
        for name, title in ranker_report.TABLES.items():
            if stored.tables.get(name):
                report.tables[title] = pl.DataFrame(stored.tables[name])
        for name in ranker_report.PICTURES:
            if (snapshot.folder / f"{name}.png").exists():
                report.images[name] = (snapshot.folder / f"{name}.png").read_bytes()
    return report


@dataclass(frozen=True)
class PinnedPeople:
    """The files that go into the model version, and their line in the manifest."""

    pin: "RankerPin"
    folder: Path


def pin_of(snapshot: Snapshot) -> PinnedPeople:
    """What a snapshot of the ranker brings to a release."""
    from mmsearch_dagster.adapters.lake.people import FOLDER
    from mmsearch_dagster.core.release import RankerPin

    facts = RankerFacts.of(snapshot)
    pin = RankerPin(
        sha256=facts.people_sha256,
        promoted=facts.ranker_promoted,
        lists=facts.lists,
        people=facts.people,
    )
    return PinnedPeople(pin, snapshot.folder / FOLDER)


def _make(
    workspace: Workspace, inputs: dict[str, Snapshot], rules: "BusinessRules", folder: Path
) -> RankerFacts:
    from mmsearch_dagster.adapters.lake.batches import load_batch
    from mmsearch_dagster.adapters.lake.people import FOLDER
    from mmsearch_dagster.adapters.lake.write_people import write_people
    from mmsearch_dagster.core.personalisation.catalogue import items_of
    from mmsearch_dagster.core.personalisation.experiment import run_experiment
    from mmsearch_dagster.core.personalisation.fit import RankerParams

    batch = load_batch(inputs[examples.ASSET].folder, examples.ITEMS)
    products, events = inputs["products"].table(), inputs["interactions"].table()
    ratings = pl.read_parquet(inputs[reviews_step.ASSET].folder / reviews_step.RATINGS)
    items = items_of(products, batch, ratings)
    cosines = query_cosines(workspace, batch, inputs["searches"].table())
    reviews = inputs[reviews_step.ASSET].table()
    experiment = run_experiment(events, products, items, RankerParams(), cosines=cosines, reviews=reviews)
    tables = {"profiles": inputs[PROFILES].table(), "reviews": reviews, "events": events}
    sha256 = write_people(folder / FOLDER, experiment, items, rules, tables=tables)
    run = ranker_report.log_run(workspace, experiment, ASSET, inputs[examples.ASSET].digest)
    ranker_report.draw(experiment, folder)
    people = len(experiment.state.ids) if experiment.state else 0
    return RankerFacts(
        rows=people,
        people=people,
        people_sha256=sha256,
        mlflow_run=run,
        ranker_promoted=experiment.promoted,
        lists=experiment.order,
        sentences=experiment.sentences(),
        decision=experiment.ranker.decision.model_dump(mode="json") if experiment.ranker else None,
        measures=dict(experiment.ranker.measures) if experiment.ranker else {},
        tables=ranker_report.tables(experiment),
    )
