"""Fine-tuning between files: a configured encoder and labelled pictures in, a timm model folder out."""

import shutil
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmsearch_dagster.adapters.host.cores import cores
from mmsearch_dagster.adapters.models.encoder_files import EncoderFiles
from mmsearch_dagster.core.encoders.protocol import EncoderSpec
from mmsearch_dagster.core.errors import ConfigError
from mmsearch_dagster.core.finetuning.params import FinetuneParams
from mmsearch_dagster.core.modalities import TEXT
from mmsearch_dagster.core.release import EncoderIdentity

if TYPE_CHECKING:
    from mmsearch_dagster.core.finetuning.augmentation import Photo
    from mmsearch_dagster.core.finetuning.image import Epoch
    from mmsearch_dagster.core.finetuning.watch import Watch

TUNED_PREFIX = "finetuned-"


def require_tunable(spec: EncoderSpec | None) -> EncoderSpec:
    """The spec, when it is an image encoder that can be fine-tuned; ConfigError otherwise."""
    if spec is None or spec.library != "timm":
        given = "there is none" if spec is None else f"'{spec.model}' is read by {spec.library}"
        raise ConfigError(
            f"fine-tuning needs an image encoder of library timm, but {given}: see presets/run.yaml"
        )
    return spec


def tune(
    spec: EncoderSpec,
    photos: "Sequence[Photo]",
    held_out: "Sequence[Photo]",
    params: FinetuneParams,
    folder: Path,
    *,
    watch: "Watch",
    checkpoint: Path,
) -> "tuple[Epoch, ...]":
    """Fine-tune the encoder of `spec`; writes `config.json` and `model.safetensors` into `folder`.

    Deterministic; killed and started again it goes on from `checkpoint`, which is gone in the end.
    """
    from mmsearch_dagster.core.encoders.networks import ImageNetwork, load_network
    from mmsearch_dagster.core.finetuning.image import finetune

    files = EncoderFiles.of(spec)
    resolved = files.spec
    network = load_network(resolved, files.path)
    assert isinstance(network, ImageNetwork)
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    with threads_within_limits():
        state, curve = finetune(
            network,
            photos,
            held_out,
            params,
            width=files.width,
            watch=watch,
            checkpoint=checkpoint,
        )
    # Loaded again: the trained one's normalisations are folded away.
    plain = load_network(resolved, files.path)
    assert isinstance(plain, ImageNetwork)
    plain.backbone.load_state_dict(state)
    _write(plain.backbone, resolved, params, folder)
    checkpoint.unlink(missing_ok=True)
    return curve


@contextmanager
def threads_within_limits() -> Iterator[None]:
    """torch counts the machine's cores: where a container allows fewer, its threads would wait for turns."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(min(before, cores()))
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _write(backbone: Any, resolved: EncoderSpec, params: FinetuneParams, folder: Path) -> None:
    from timm.models import save_for_hf

    seen = {
        "input_size": (3, params.encode_size, params.encode_size),
        "crop_pct": params.encode_crop,
        "mean": resolved.mean,
        "std": resolved.std,
        "interpolation": resolved.interpolation,
    }
    save_for_hf(backbone, str(folder), safe_serialization=True, data_config=seen)


def publish(folder: Path, encoders: Path, name: str) -> Path:
    """The tuned model among a home's encoders, where releases look for it; copied whole or not at all."""
    published = encoders / f"{TUNED_PREFIX}{name}"
    if not published.is_dir():
        part = encoders / f".{published.name}.{uuid.uuid4().hex[:8]}"
        shutil.copytree(folder, part)
        part.replace(published)
    return published


def tuned_spec(configured: EncoderSpec, folder: Path) -> EncoderSpec:
    """How a published folder is loaded: framing from its own files, the rest as configured."""
    if configured.modality == TEXT:
        return configured.model_copy(update={"model": str(folder)})
    return EncoderSpec(
        modality=configured.modality,
        library="timm",
        model=str(folder),
        runtime=configured.runtime,
        batch_size=configured.batch_size,
        frames=configured.frames,
    )


def finetuned_folder(identity: EncoderIdentity) -> Path | None:
    """The folder of an encoder that was fine-tuned here and belongs into the release; else None."""
    folder = Path(str(identity.spec.get("model", "")))
    return folder if folder.name.startswith(TUNED_PREFIX) and folder.is_dir() else None
