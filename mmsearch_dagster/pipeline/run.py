"""The refresh as a plain script: the same step functions in the same order, without Dagster.

What the orchestration costs is measured against this.
"""

from mmsearch_dagster.core.errors import GateRefusedError
from mmsearch_dagster.core.fusion.config import STRATEGIES
from mmsearch_dagster.core.modalities import AUDIO, IMAGE, TEXT, VIDEO
from mmsearch_dagster.pipeline.evaluation.evaluate import evaluate
from mmsearch_dagster.pipeline.features.collaborative import learn_factors
from mmsearch_dagster.pipeline.features.encode import encode_catalogue
from mmsearch_dagster.pipeline.features.media_quarantine import quarantine_media
from mmsearch_dagster.pipeline.finetuning.finetune import tune_image_encoder
from mmsearch_dagster.pipeline.finetuning.text_encoder import tune_text_encoder
from mmsearch_dagster.pipeline.ingest.remote_media import fetch_media
from mmsearch_dagster.pipeline.ingest.reviews import read_reviews
from mmsearch_dagster.pipeline.ingest.tables import VALIDATED, read_raw, read_searches, validate
from mmsearch_dagster.pipeline.memories.photo_memory import learn_photos
from mmsearch_dagster.pipeline.monitoring.reference import make_reference
from mmsearch_dagster.pipeline.personalisation.profiles import make_profiles
from mmsearch_dagster.pipeline.personalisation.ranker import train_ranker
from mmsearch_dagster.pipeline.ranking.train_ranking import train_ranking
from mmsearch_dagster.pipeline.release.catalogue_refresh import refresh_catalogue
from mmsearch_dagster.pipeline.release.challenger import register
from mmsearch_dagster.pipeline.release.index_version import build_index, raise_if_failed
from mmsearch_dagster.pipeline.release.release import release
from mmsearch_dagster.pipeline.report import StepReport
from mmsearch_dagster.pipeline.training.candidates import train_candidates
from mmsearch_dagster.pipeline.training.examples import build_examples
from mmsearch_dagster.pipeline.training.hyper_parameters import search
from mmsearch_dagster.pipeline.workspace import Workspace


def prepare(workspace: Workspace) -> list[StepReport]:
    """From the shop's files to training examples. Raises what a step raises."""
    return [*read_catalogue(workspace), *make_examples(workspace)]


def read_catalogue(workspace: Workspace) -> list[StepReport]:
    """From the shop's files to the vectors of its products. Raises what a step raises."""
    reports = [read_raw(workspace, table) for table in ("products", "events", "searches", "judgments")]
    for asset in VALIDATED:
        good, quarantine, _ = validate(workspace, asset)
        reports += [good, quarantine]
    reports += [read_searches(workspace), read_reviews(workspace), fetch_media(workspace)]
    reports += [tune_image_encoder(workspace), tune_text_encoder(workspace)]
    reports += [encode_catalogue(workspace, modality) for modality in (TEXT, IMAGE, AUDIO, VIDEO)]
    reports.append(quarantine_media(workspace)[0])
    return reports


def make_examples(workspace: Workspace) -> list[StepReport]:
    """From the log and the vectors to training examples. Raises what a step raises."""
    made = [learn_factors(workspace), build_examples(workspace), search(workspace)]
    return [*made, learn_photos(workspace)]


def refresh(workspace: Workspace, *, retrain: bool = False) -> list[StepReport]:
    """Run every step that is due; raises what a step raises, GateRefusedError when the gate refuses.

    retrain: train also where only the catalogue changed.
    """
    reports = read_catalogue(workspace)
    refreshed, facts = refresh_catalogue(workspace, retrain=retrain)
    reports.append(refreshed)
    if not facts.retrain:
        return reports
    return [*reports, *train_models(workspace), *release_challenger(workspace)]


def train_models(workspace: Workspace) -> list[StepReport]:
    """From the log and the vectors to trained models. Raises what a step raises."""
    reports = [*make_examples(workspace), *train_candidates(workspace, STRATEGIES)]
    return [*reports, train_ranking(workspace)]


def release_challenger(workspace: Workspace) -> list[StepReport]:
    """From trained models to a release. Raises what a step raises, GateRefusedError when the gate refuses."""
    reports = [evaluate(workspace), make_profiles(workspace), train_ranker(workspace)]
    reports.append(make_reference(workspace))
    registered, decision = register(workspace)
    reports.append(registered)
    if not decision.passed:
        raise GateRefusedError("; ".join(decision.refusals))
    index, outcomes = build_index(workspace)
    raise_if_failed(outcomes)
    return [*reports, index, release(workspace)]
