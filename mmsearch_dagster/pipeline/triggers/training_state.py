"""What a training depends on beside the catalogue, as names and digests that a later run compares."""

from typing import TYPE_CHECKING

from mmsearch_dagster.core.digest import digest_of
from mmsearch_dagster.core.errors import MmsearchError
from mmsearch_dagster.core.modalities import AUDIO, IMAGE, TEXT, VIDEO
from mmsearch_dagster.pipeline.evaluation import evaluate
from mmsearch_dagster.pipeline.features import collaborative, encode
from mmsearch_dagster.pipeline.finetuning import finetune, text_encoder
from mmsearch_dagster.pipeline.ingest.tables import raw_asset
from mmsearch_dagster.pipeline.memories import photo_memory
from mmsearch_dagster.pipeline.personalisation import profiles, ranker
from mmsearch_dagster.pipeline.ranking import train_ranking
from mmsearch_dagster.pipeline.training import candidates, examples
from mmsearch_dagster.pipeline.workspace import Workspace

if TYPE_CHECKING:
    from mmsearch_dagster.core.encoders.protocol import EncoderSpec

_TABLES = ("events", "searches", "judgments", "reviews")
_STEPS = (
    *(encode, finetune, collaborative, examples, photo_memory, candidates),
    *(train_ranking, evaluate, profiles, ranker),
)


def training_state(workspace: Workspace) -> dict[str, str]:
    """Name -> digest of the log, the judgments, the reviewed files and the program of this run."""
    params = {
        "preset": workspace.preset.model_dump(mode="json", exclude={"finetune_text"}),
        "fine-tuning": workspace.finetune.model_dump(mode="json") if workspace.finetune else None,
        "gate policy": workspace.gate_policy.rules,
        "business rules": workspace.business_rules.model_dump(mode="json"),
        "encoders": [workspace.identity(spec).fingerprint for spec in _encoders(workspace)],
        "version of the steps": {step.__name__.rpartition(".")[2]: step.CODE_VERSION for step in _STEPS},
    }
    if workspace.finetune_text:
        params["fine-tuning of text"] = {
            "version": text_encoder.CODE_VERSION,
            "params": workspace.finetune_text.model_dump(mode="json"),
        }
    tables = {table: _digest(workspace, raw_asset(table)) for table in _TABLES}
    return tables | {name: digest_of({name: value}) for name, value in params.items()}


def _encoders(workspace: Workspace) -> list["EncoderSpec"]:
    specs = (workspace.encoder(modality) for modality in (TEXT, IMAGE, AUDIO, VIDEO))
    return [spec for spec in specs if spec is not None]


def _digest(workspace: Workspace, asset: str) -> str:
    """Of the current snapshot; empty where the asset was never materialised."""
    try:
        return workspace.lake.current(asset).digest
    except MmsearchError:
        return ""
