"""From a configured encoder to one that runs: its identity without loading it, then the thing itself."""

from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from mmsearch_dagster.adapters.model_facts import resolve, width_of
from mmsearch_dagster.adapters.model_files import locate, weights_sha256
from mmsearch_dagster.core.digest import digest_of
from mmsearch_dagster.core.encoders.image import Framing, ImageEncoder
from mmsearch_dagster.core.encoders.protocol import Encoder, EncoderSpec
from mmsearch_dagster.core.encoders.text import TextEncoder
from mmsearch_dagster.core.errors import ReleaseMismatchError
from mmsearch_dagster.core.release import EncoderIdentity

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_WEIGHTS = "weights_sha256"


def describe_encoder(spec: EncoderSpec) -> EncoderIdentity:
    """Who this encoder is, from its files alone: no network is loaded, and torch is imported only to
    measure a timm model that is not the embedded one.

    The fingerprint covers library, model, sha256 of the weights, preprocessing and width; not the
    runtime, whose vectors agree to a cosine above 0.999. Raises ConfigError when files are missing.
    """
    files = locate(spec)
    spec = resolve(spec, files)
    weights, width = weights_sha256(files), width_of(spec, files)
    model = Path(spec.model).name if Path(spec.model).is_dir() else spec.model
    fingerprint = digest_of(
        {
            "library": spec.library,
            "model": model,
            "weights": weights,
            "preprocessing": spec.preprocessing(),
            "width": width,
        }
    )
    names = {"modality": spec.modality, "library": spec.library, "model": spec.model}
    remembered = {**names, **spec.preprocessing(), _WEIGHTS: weights}
    return EncoderIdentity(modality=spec.modality, fingerprint=fingerprint, width=width, spec=remembered)


def spec_of(identity: EncoderIdentity) -> EncoderSpec:
    """The spec that loads a release's encoder again; compare the identity of what it finds.

    Raises ReleaseMismatchError when this version of the program cannot read it.
    """
    try:
        return EncoderSpec.model_validate({k: v for k, v in identity.spec.items() if k != _WEIGHTS})
    except ValidationError as error:
        raise ReleaseMismatchError(
            f"the release's {identity.modality} encoder {identity.fingerprint} cannot be loaded by this "
            f"version: {error}"
        ) from error


def load_encoder(spec: EncoderSpec, cache_dir: Path) -> Encoder:
    """The encoder, ready to run; `cache_dir` keeps exported ONNX graphs by fingerprint.

    Raises ConfigError when files are missing or disagree, MmsearchError when runtime `onnx` is asked
    for and the network cannot be exported.
    """
    from mmsearch_dagster.adapters.runtimes import start

    identity = describe_encoder(spec)
    files = locate(spec)
    resolved = resolve(spec, files)
    forward = start(resolved, identity, files, cache_dir)
    if resolved.modality == "text":
        tokenizer = _tokenizer(files, resolved.max_length)
        return TextEncoder(identity, tokenizer, forward, batch_size=resolved.batch_size)
    assert resolved.size is not None
    assert resolved.crop is not None
    framing = Framing(resolved.size, resolved.crop, resolved.interpolation or "bicubic")
    return ImageEncoder(identity, framing, forward, batch_size=resolved.batch_size)


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
