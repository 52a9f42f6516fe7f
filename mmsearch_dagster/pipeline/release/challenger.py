"""The step `challenger`: what the gate decided about becomes a model version, whose lineage is followed."""

from typing import TYPE_CHECKING

from mmsearch_dagster.adapters.lake.lineage import Lineage, lineage_of
from mmsearch_dagster.adapters.lake.snapshots import Facts, Lake
from mmsearch_dagster.core.errors import LineageError
from mmsearch_dagster.core.gate.decision import Decision
from mmsearch_dagster.core.memories.query_memory import QUERY_MEMORY_FILE
from mmsearch_dagster.core.modalities import AUDIO, IMAGE, TEXT, VIDEO
from mmsearch_dagster.core.ranking.rankers.stage import RANKING_FOLDER
from mmsearch_dagster.core.release import EncoderIdentity, ReleaseManifest, release_id_of
from mmsearch_dagster.core.speech.language import LANGUAGE_FILE
from mmsearch_dagster.pipeline.evaluation import files
from mmsearch_dagster.pipeline.evaluation.evaluate import gate_table
from mmsearch_dagster.pipeline.evaluation.files import EvaluationFacts
from mmsearch_dagster.pipeline.features.encode import FeatureFacts, asset_of
from mmsearch_dagster.pipeline.home import check_same_shop
from mmsearch_dagster.pipeline.memories import photo_memory
from mmsearch_dagster.pipeline.monitoring import reference
from mmsearch_dagster.pipeline.personalisation import ranker
from mmsearch_dagster.pipeline.personalisation.profiles import PROFILES
from mmsearch_dagster.pipeline.ranking import train_ranking
from mmsearch_dagster.pipeline.release.review_files import describe_version, verdict_of
from mmsearch_dagster.pipeline.report import StepReport, timed
from mmsearch_dagster.pipeline.training import candidates, examples, hyper_parameters
from mmsearch_dagster.pipeline.triggers.training_state import training_state
from mmsearch_dagster.pipeline.workspace import Workspace

if TYPE_CHECKING:
    from mmsearch_dagster.adapters.registry.tags import VersionFacts

CODE_VERSION = "1"
ASSET = "challenger"
MODEL_VERSION = "model version"
# What a release names, beside its model and index.
_NAMED = (
    *("products", "interactions", "searches", "queries", "collaborative_factors", "reviews"),
    *(PROFILES, ranker.ASSET, examples.ASSET, photo_memory.ASSET, train_ranking.ASSET, files.ASSET),
    reference.ASSET,
    *map(asset_of, (TEXT, IMAGE, AUDIO, VIDEO)),
)


class ChallengerFacts(Facts):
    """The model version that this refresh is about."""

    model_version: int


def register(workspace: Workspace) -> tuple[StepReport, Decision]:
    """The winner as a model version, its decision stored with it, loaded back and called once.

    Raises UserError when the home's releases are of another shop: this step may run without those before it.
    """
    check_same_shop(workspace)
    with timed(ASSET) as report:
        lineage = release_lineage(workspace.lake)
        evaluated = lineage[files.ASSET]
        decision = Decision.from_json((evaluated.folder / files.DECISION).read_text(encoding="utf-8"))
        winner = EvaluationFacts.of(evaluated).winner
        facts = _facts(workspace, lineage, decision)
        version = workspace.registry.register(lineage[candidates.asset_of(winner)].folder, facts)
        workspace.registry.load_back(version)
        if decision.passed:
            workspace.registry.set_challenger(version)
        else:
            workspace.registry.record_refusal(version)
        manifest = workspace.registry.manifest(version)
        describe_version(workspace, manifest, decision)
        _remember(workspace, manifest)
        report.digest, report.rows = manifest.release_id, 1
        report.metrics = {
            MODEL_VERSION: version,
            "release": manifest.release_id,
            "strategy": manifest.strategy,
            "gate": "passed" if decision.passed else "refused",
        }
        report.tables["gate"] = gate_table(decision.model_dump())
    return report, decision


def release_lineage(lake: Lake) -> Lineage:
    """Everything that the current evaluation, ranker, drift reference and products were made from.

    Raises:
        LineageError: where they do not belong together: a ranker of another run, profiles in the space of
            another winner, a catalogue that moved on since the evaluation.
    """
    roots = [lake.current(name) for name in (reference.ASSET, files.ASSET, ranker.ASSET, "products")]
    lineage = lineage_of(lake, roots)
    candidate = candidates.asset_of(EvaluationFacts.of(lineage[files.ASSET]).winner)
    if candidate not in lineage[PROFILES].inputs:
        others = ", ".join(lineage[PROFILES].inputs)
        raise LineageError(
            f"the evaluation chose {candidate}, but {PROFILES} were made from {others}: they do not belong "
            f"together; materialise '{PROFILES}' and '{ranker.ASSET}' again, or use `mmsearch run`"
        )
    return lineage


def _facts(workspace: Workspace, lineage: Lineage, decision: Decision) -> "VersionFacts":
    from mmsearch_dagster.adapters.registry.tags import VersionFacts

    evaluation = EvaluationFacts.of(lineage[files.ASSET])
    candidate = candidates.CandidateFacts.of(lineage[candidates.asset_of(evaluation.winner)])
    source, products = lineage[examples.ASSET], lineage["products"]
    language = examples.ExamplesFacts.of(source).language
    encoders = _encoders(workspace, lineage)
    people = ranker.pin_of(lineage[ranker.ASSET])
    photos = photo_memory.released_by(lineage[photo_memory.ASSET], evaluation.retrieval)
    ranking = lineage[train_ranking.ASSET]
    past = train_ranking.released_memory(ranking, evaluation.retrieval)
    release_id = release_id_of(
        workspace.source.catalogue,
        candidate.weights,
        encoders,
        products.digest,
        retrieval=evaluation.retrieval,
        recogniser=workspace.preset.recogniser,
        language=language,
        ranker=people.pin,
        ranking=evaluation.ranking,
        photo_memory=photos.pin,
        query_memory=past,
    )
    return VersionFacts(
        release_id=release_id,
        catalogue=workspace.source.catalogue,
        strategy=evaluation.winner,
        weights_sha256=candidate.weights,
        encoders=encoders,
        snapshots={name: lineage[name].digest for name in (*_NAMED, *_searched(lineage))},
        retrieval=evaluation.retrieval,
        decision=decision,
        media_root=str(workspace.source.root),
        recogniser=workspace.preset.recogniser,
        language=language,
        language_file=str(source.folder / LANGUAGE_FILE),
        ranker=people.pin,
        people_dir=str(people.folder),
        ranking=evaluation.ranking,
        ranking_dir=str(ranking.folder / RANKING_FOLDER) if evaluation.ranking else None,
        photo_memory=photos.pin,
        photo_memory_file=photos.file,
        query_memory=past,
        query_memory_file=str(ranking.folder / QUERY_MEMORY_FILE) if past else None,
        parent=_parent(workspace.registry.champion(), release_id),
        run_id=candidate.mlflow_run,
        trained_on=training_state(workspace),
        description=verdict_of(workspace, evaluation, lineage[files.ASSET].folder, decision),
    )


def _searched(lineage: Lineage) -> tuple[str, ...]:
    """The search over hyper-parameters, where the model came of one."""
    return (hyper_parameters.ASSET,) if hyper_parameters.ASSET in lineage else ()


def _parent(champion: ReleaseManifest | None, release_id: str) -> str | None:
    """The release that this one follows; of the champion itself, what it followed."""
    if champion is None:
        return None
    return champion.parent if champion.release_id == release_id else champion.release_id


def _encoders(workspace: Workspace, lineage: Lineage) -> tuple[EncoderIdentity, ...]:
    """The encoders that made the features. Raises LineageError where this run has others by now."""
    identities = []
    for modality, features in examples.modalities_of(lineage).items():
        spec = workspace.encoder(modality)
        if spec is None:
            continue
        identity = workspace.identity(spec)
        made_by = FeatureFacts.of(features).encoder
        if made_by != identity.fingerprint:
            raise LineageError(
                f"{features.asset} were made by the encoder {made_by}, this run has {identity.fingerprint}: "
                f"materialise everything that follows '{features.asset}' again, or use `mmsearch run`"
            )
        identities.append(identity)
    return tuple(identities)


def _remember(workspace: Workspace, manifest: ReleaseManifest) -> None:
    """Tell the next assets which version this refresh is about."""
    workspace.lake.obtain(
        ASSET,
        f"version-{manifest.model_version}",
        lambda folder: ChallengerFacts(model_version=manifest.model_version).model_dump(),
    )


def registered(workspace: Workspace) -> ReleaseManifest:
    """The manifest of the version that this refresh is about."""
    facts = ChallengerFacts.of(workspace.lake.current(ASSET))
    return workspace.registry.manifest(facts.model_version)
