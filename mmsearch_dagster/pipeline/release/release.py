"""Register what the gate decided about, build its index version, move the pointer. In that order."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import polars as pl

from mmsearch_dagster.adapters.lake.snapshots import Snapshot
from mmsearch_dagster.core.errors import IndexCheckError, MmsearchError
from mmsearch_dagster.core.evaluation.comparison import ENGINE
from mmsearch_dagster.core.evaluation.quality_table import verdict
from mmsearch_dagster.core.gate.decision import Decision
from mmsearch_dagster.core.release import EncoderIdentity, ReleaseManifest, RetrievalParams, release_id_of
from mmsearch_dagster.core.speech.language import LANGUAGE_FILE
from mmsearch_dagster.pipeline.evaluation import files
from mmsearch_dagster.pipeline.evaluation.evaluate import gate_table
from mmsearch_dagster.pipeline.features.index_rows import index_rows
from mmsearch_dagster.pipeline.home import check_same_shop
from mmsearch_dagster.pipeline.people import ranker
from mmsearch_dagster.pipeline.release.golden_queries import measured_queries, reviewed_queries
from mmsearch_dagster.pipeline.report import StepReport, timed
from mmsearch_dagster.pipeline.training import examples
from mmsearch_dagster.pipeline.training.candidates import candidates_of
from mmsearch_dagster.pipeline.workspace import Workspace

if TYPE_CHECKING:
    from mmsearch_dagster.adapters.registry.tags import VersionFacts
    from mmsearch_dagster.core.fusion.model import TwoTower

CHALLENGER = "challenger"
INDEX = "search_index"
RELEASE = "release"
_VERSION = "model version"


def register(workspace: Workspace) -> tuple[StepReport, Decision]:
    """The winner as a model version, its decision stored with it, loaded back and asked once.

    Raises UserError when the home's releases are of another shop: this step may run without those before it.
    """
    check_same_shop(workspace)
    with timed(CHALLENGER) as report:
        evaluated = workspace.lake.current(files.ASSET)
        decision = Decision.from_json((evaluated.folder / files.DECISION).read_text(encoding="utf-8"))
        facts = _facts(workspace, evaluated, decision)
        folder = candidates_of(workspace)[evaluated.facts["winner"]].folder
        version = workspace.registry.register(folder, facts)
        workspace.registry.load_back(version)
        if decision.passed:
            workspace.registry.set_challenger(version)
        else:
            workspace.registry.record_refusal(version)
        manifest = workspace.registry.manifest(version)
        _remember(workspace, manifest)
        report.digest, report.rows = manifest.release_id, 1
        report.figures = {
            _VERSION: version,
            "release": manifest.release_id,
            "strategy": manifest.strategy,
            "gate": "passed" if decision.passed else "refused",
        }
        report.tables["gate"] = gate_table(decision.model_dump())
    return report, decision


def _facts(workspace: Workspace, evaluated: Snapshot, decision: Decision) -> "VersionFacts":
    from mmsearch_dagster.adapters.registry.tags import VersionFacts

    products = _products(workspace)
    retrieval = RetrievalParams(**evaluated.facts["retrieval"])
    winner = evaluated.facts["winner"]
    candidate = candidates_of(workspace)[winner]
    encoders = _encoders(workspace)
    people = ranker.pin_of(workspace)
    asked = workspace.lake.current(examples.ASSET)
    release_id = release_id_of(
        workspace.source.catalogue,
        candidate.facts["weights"],
        encoders,
        products.digest,
        retrieval=retrieval,
        recogniser=workspace.preset.recogniser,
        language=asked.facts["language"],
        ranker=people.pin,
    )
    champion = workspace.registry.champion()
    parent = (
        None
        if champion is None
        else champion.parent
        if champion.release_id == release_id
        else champion.release_id
    )
    snapshots = (
        *("products", "interactions", "searches", "queries", "collaborative_factors", "user_profiles"),
        *("reviews", ranker.ASSET),
        *(examples.ASSET, files.ASSET),
    )
    return VersionFacts(
        release_id=release_id,
        catalogue=workspace.source.catalogue,
        strategy=winner,
        weights_sha256=candidate.facts["weights"],
        encoders=encoders,
        snapshots={name: workspace.lake.current(name).digest for name in snapshots},
        retrieval=retrieval,
        decision=decision,
        media_root=str(workspace.source.root),
        recogniser=workspace.preset.recogniser,
        language=asked.facts["language"],
        language_file=str(asked.folder / LANGUAGE_FILE),
        ranker=people.pin,
        people_dir=str(people.folder),
        parent=parent,
        run_id=candidate.facts["mlflow run"],
        description=verdict(
            pl.read_parquet(evaluated.folder / files.QUALITY),
            workspace.gate_policy,
            branch=ENGINE,
            strategy=winner,
            passed=decision.passed,
        ),
    )


def _products(workspace: Workspace) -> Snapshot:
    """The current products. Raises MmsearchError when the training examples are about others."""
    products, asked = (workspace.lake.current(name) for name in ("products", examples.ASSET))
    made_from = asked.facts.get(examples.PRODUCTS)
    if made_from != products.digest:
        raise MmsearchError(
            f"{examples.ASSET} are about other products (snapshot {made_from}) than the catalogue holds now "
            f"({products.digest}), so the index would lack some: materialise everything that follows "
            "'products' again, or use `mmsearch run`"
        )
    return products


def _encoders(workspace: Workspace) -> tuple[EncoderIdentity, ...]:
    found = examples.modalities_of(workspace)
    configured = (workspace.encoder(spec.modality) for spec in workspace.preset.encoders)
    return tuple(workspace.identity(spec) for spec in configured if spec and spec.modality in found)


def _remember(workspace: Workspace, manifest: ReleaseManifest) -> None:
    """Tell the next assets which version this refresh is about."""
    workspace.lake.obtain(
        CHALLENGER, f"v{manifest.model_version}", lambda folder: {_VERSION: manifest.model_version}
    )


def _registered(workspace: Workspace) -> ReleaseManifest:
    version = int(workspace.lake.current(CHALLENGER).facts[_VERSION])
    return workspace.registry.manifest(version)


def build_index(workspace: Workspace) -> tuple[StepReport, list[dict[str, Any]]]:
    """The challenger's index as a new version of the catalogue's table, checked, unserved."""
    from mmsearch_dagster.core.fusion.model import load_model

    with timed(INDEX) as report:
        manifest = _registered(workspace)
        products = _snapshot(workspace, manifest, "products").table()
        model = load_model(workspace.registry.model_folder(manifest.model_version))
        rows = _rows_of(workspace, manifest, products, model)
        pin = workspace.index.publish(
            manifest.catalogue, manifest.release_id, rows, progress=workspace.progress
        )
        evaluated, judged = (_snapshot(workspace, manifest, name) for name in (files.ASSET, examples.ASSET))
        checks = workspace.index.check(
            pin,
            products,
            reviewed=reviewed_queries(workspace.assets, manifest.catalogue),
            measured=measured_queries(evaluated, judged, model, manifest.strategy),
        )
        failed = [check.name for check in checks if not check.passed]
        if not failed:
            workspace.registry.attach_index(manifest.model_version, pin)
        report.digest, report.rows = manifest.release_id, pin.rows
        report.figures = {
            "table": pin.table,
            "tag": pin.tag,
            "table version": pin.version,
            "vector index": pin.vector_index,
            "measured recall@10": pin.measured_recall,
        }
        report.tables["first rows"] = rows.select(pl.exclude("^.*vector$")).head(5)
    outcomes = [
        {"name": check.name, "passed": check.passed, "severity": "error", "figures": dict(check.figures)}
        for check in checks
    ]
    return report, outcomes


def _rows_of(
    workspace: Workspace, manifest: ReleaseManifest, products: pl.DataFrame, model: "TwoTower"
) -> pl.DataFrame:
    items = examples.load_views(_snapshot(workspace, manifest, examples.ASSET))
    return index_rows(products, items, model.items(items), model.spec.frames)


def _snapshot(workspace: Workspace, manifest: ReleaseManifest, asset: str) -> Snapshot:
    found = workspace.lake.find(asset, manifest.snapshots[asset])
    if found is None:
        raise MmsearchError(
            f"the snapshots of release {manifest.release_id} are gone from the lake: run again"
        )
    return found


def raise_if_failed(outcomes: Sequence[dict[str, Any]]) -> None:
    """Raises IndexCheckError naming the checks that failed, and the queries that find nothing right."""
    failed = [_failure(one) for one in outcomes if not one["passed"]]
    if failed:
        raise IndexCheckError(
            f"the new index version is not served, these checks failed: {', '.join(failed)}"
        )


def _failure(outcome: dict[str, Any]) -> str:
    missed = outcome["figures"].get("missed")
    return f"{outcome['name']} (not found: {missed})" if missed else outcome["name"]


def release(workspace: Workspace) -> StepReport:
    """Move the pointer to the challenger, if its own stored decision allows it."""
    with timed(RELEASE) as report:
        manifest = _registered(workspace)
        decision = workspace.registry.decision(manifest.model_version)
        why = f"gate passed for {manifest.strategy}" if decision else "no decision"
        move = workspace.registry.promote(manifest.model_version, reason=why)
        report.made, report.digest = move.moved, move.release.release_id
        report.rows = 1
        report.figures = {
            "release": move.release.release_id,
            _VERSION: move.release.model_version,
            "moved": move.moved,
            "parent": move.release.parent,
        }
        report.note = "the pointer moved" if move.moved else "this release is already the champion"
        report.tables["manifest"] = _manifest_table(move.release)
    return report


def _manifest_table(manifest: ReleaseManifest) -> pl.DataFrame:
    fields = manifest.model_dump(mode="json")
    rows = [
        {"field": key, "value": value if isinstance(value, str) else json.dumps(value)}
        for key, value in fields.items()
    ]
    return pl.DataFrame(rows, schema={"field": pl.String, "value": pl.String})
