"""drift_reference: the release's own sample of its data, named by its manifest; and the sample of today."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import polars as pl

from mmsearch_dagster.adapters.lake.lineage import current_inputs
from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.digest import digest_of
from mmsearch_dagster.core.modalities import AUDIO, IMAGE, TEXT, VIDEO, ModalityBatch
from mmsearch_dagster.core.monitoring import reference
from mmsearch_dagster.core.release import TRAINED_PRODUCTS
from mmsearch_dagster.pipeline.features.encode import FeatureFacts, asset_of
from mmsearch_dagster.pipeline.report import StepReport, timed
from mmsearch_dagster.pipeline.training import examples
from mmsearch_dagster.pipeline.workspace import Workspace

if TYPE_CHECKING:
    from mmsearch_dagster.adapters.lake.snapshots import Snapshot

ASSET = "drift_reference"
CODE_VERSION = "2"
PRODUCTS, INTERACTIONS, SEARCHES = "products", "interactions", "searches"
_VECTORS, _CATEGORIES = "vectors", "categories.parquet"
_INPUTS = (PRODUCTS, INTERACTIONS, SEARCHES, examples.ASSET)


_Content = TypeVar("_Content")


@dataclass(frozen=True)
class Sample(Generic[_Content]):
    """A part of a sample. digest: of what it is made from; load: reads or draws it."""

    digest: str
    load: Callable[[], _Content]


@dataclass(frozen=True)
class Vectors:
    """Vectors of some products, and product id -> category of those that have one."""

    items: ModalityBatch
    categories: Mapping[str, str]


def make_reference(workspace: Workspace) -> StepReport:
    """The sample of what this run trains on, as a snapshot that the release will name."""
    with timed(ASSET) as report:
        inputs = current_inputs(workspace.lake, _INPUTS)
        days = workspace.monitoring_policy.days
        digests = {name: snapshot.digest for name, snapshot in inputs.items()}

        def make(folder: Path) -> dict[str, Any]:
            return _write(folder, inputs, days)

        digest = digest_of({"code": CODE_VERSION, "days": days, "of": digests})
        report.about(*workspace.lake.obtain(ASSET, digest, make, inputs=inputs.values()))
    return report


def _write(folder: Path, inputs: "Mapping[str, Snapshot]", days: int) -> dict[str, Any]:
    from mmsearch_dagster.adapters.lake.batches import save_batch

    tables = {name: _sampled(name, inputs, days) for name in (PRODUCTS, INTERACTIONS, SEARCHES)}
    for name, table in tables.items():
        table.write_parquet(folder / f"{name}.parquet")
    items = reference.sample_vectors(examples.load_views(inputs[examples.ASSET]))
    save_batch(folder, _VECTORS, items)
    categories = reference.categories_of(inputs[PRODUCTS].table())
    rows = [(key, categories.get(key)) for key in items.ids]
    pl.DataFrame(rows, schema=[col.PRODUCT_ID, col.CATEGORY], orient="row").write_parquet(
        folder / _CATEGORIES
    )
    return {"rows": sum(table.height for table in tables.values()), "vectors": len(items)}


def _sampled(name: str, snapshots: "Mapping[str, Snapshot]", days: int) -> pl.DataFrame:
    """The sample of one table."""
    if name == PRODUCTS:
        return reference.sample_products(snapshots[PRODUCTS].table())
    events = snapshots[INTERACTIONS].table()
    if name == INTERACTIONS:
        return reference.sample_events(events, days)
    return reference.sample_searches(snapshots[SEARCHES].table(), events, days)


class ReleasedReference:
    """The released sample; of a release without one, the same sample of the snapshots that it was made from.

    missing: sentences about what neither has.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._lake = workspace.lake
        self._days = workspace.monitoring_policy.days
        self._champion = workspace.registry.champion()
        self.missing: list[str] = []

    @property
    def released(self) -> bool:
        return self._champion is not None

    def table(self, name: str) -> Sample[pl.DataFrame] | None:
        """The sample of one table; None, and a sentence in `missing`, where it is gone."""
        stored = self._snapshot(ASSET)
        if stored is not None:
            file = stored.folder / f"{name}.parquet"
            return Sample(stored.digest, lambda: pl.read_parquet(file))
        needed = _needed(name)
        snapshots = {each: snapshot for each in needed if (snapshot := self._snapshot(each)) is not None}
        if len(snapshots) < len(needed):
            self._note(name)
            return None
        return Sample(_digest(snapshots), lambda: _sampled(name, snapshots, self._days))

    def vectors(self) -> Sample[Vectors] | None:
        """The same of the vectors."""
        stored, made_of = self._snapshot(ASSET), self._snapshot(examples.ASSET)
        if stored is not None:
            return Sample(stored.digest, lambda: _stored_vectors(stored))
        if made_of is None:
            self._note(examples.ASSET)
            return None
        products = self._snapshot(PRODUCTS)

        def draw() -> Vectors:
            categories = reference.categories_of(products.table()) if products else {}
            return Vectors(reference.sample_vectors(examples.load_views(made_of)), categories)

        return Sample(made_of.digest, draw)

    def _note(self, name: str) -> None:
        if self._champion is not None:
            self.missing.append(f"{name} is not compared: the lake no longer has the champion's")

    def _snapshot(self, asset: str) -> "Snapshot | None":
        digests = dict(self._champion.snapshots) if self._champion else {}
        if asset == PRODUCTS and TRAINED_PRODUCTS in digests:  # its model was trained on an earlier catalogue
            asset, digests = PRODUCTS, {PRODUCTS: digests[TRAINED_PRODUCTS]}
        return self._lake.find(asset, digests[asset]) if asset in digests else None


def table_now(workspace: Workspace, name: str) -> Sample[pl.DataFrame]:
    """The sample of one table of today. Raises MmsearchError where the table was never read."""
    current = {each: workspace.lake.current(each) for each in _needed(name)}
    days = workspace.monitoring_policy.days
    return Sample(_digest(current), lambda: _sampled(name, current, days))


def vectors_now(workspace: Workspace) -> Sample[Vectors]:
    """The vectors of today's catalogue, whether or not a model was trained on them yet.

    Raises MmsearchError where they were never made.
    """
    current = workspace.lake.current
    products = current(PRODUCTS)
    snapshots = {name: current(asset_of(name)) for name in (TEXT, IMAGE, AUDIO, VIDEO)}
    features = {name: snapshot for name, snapshot in snapshots.items() if FeatureFacts.of(snapshot).rows}

    def draw() -> Vectors:
        rows = products.table()
        items = reference.sample_vectors(examples.item_views(rows, features))
        return Vectors(items, reference.categories_of(rows))

    return Sample(_digest({PRODUCTS: products, **features}), draw)


def _needed(name: str) -> tuple[str, ...]:
    """The snapshots that the sample of a table is drawn from."""
    return (INTERACTIONS, SEARCHES) if name == SEARCHES else (name,)


def _digest(snapshots: "Mapping[str, Snapshot]") -> str:
    return digest_of({name: snapshot.digest for name, snapshot in snapshots.items()})


def _stored_vectors(stored: "Snapshot") -> Vectors:
    from mmsearch_dagster.adapters.lake.batches import load_batch

    rows = pl.read_parquet(stored.folder / _CATEGORIES).drop_nulls().iter_rows()
    return Vectors(load_batch(stored.folder, _VECTORS), dict(rows))
