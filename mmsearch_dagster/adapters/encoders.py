"""From a configured encoder to one that runs: its identity without loading it, then the thing itself."""

import difflib
from pathlib import Path
from typing import TYPE_CHECKING

import yaml
from pydantic import ValidationError

from mmsearch_dagster.adapters.model_facts import resolve, width_of
from mmsearch_dagster.adapters.model_files import locate, weights_sha256
from mmsearch_dagster.core.digest import digest_of
from mmsearch_dagster.core.encoders.image import Framing, ImageEncoder
from mmsearch_dagster.core.encoders.protocol import Encoder, EncoderSpec
from mmsearch_dagster.core.encoders.text import TextEncoder
from mmsearch_dagster.core.errors import ConfigError
from mmsearch_dagster.core.release import EncoderIdentity

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_WEIGHTS = "weights_sha256"


def read_presets(path: Path) -> dict[str, EncoderSpec]:
    """Encoder presets by name. Raises ConfigError when the file or one of them is wrong."""
    try:
        rows = yaml.safe_load(path.read_text(encoding="utf-8"))
        return {name: EncoderSpec.model_validate(row) for name, row in rows.items()}
    except (OSError, yaml.YAMLError, ValidationError, AttributeError) as error:
        raise ConfigError(f"encoder presets {path}: {error}") from error


def preset(path: Path, name: str) -> EncoderSpec:
    """One preset. Raises ConfigError with the nearest name when there is none of that name."""
    presets = read_presets(path)
    if name not in presets:
        close = difflib.get_close_matches(name, presets, n=1)
        hint = f"; did you mean '{close[0]}'?" if close else f"; there are {', '.join(sorted(presets))}"
        raise ConfigError(f"encoder preset '{name}' is not in {path}{hint}")
    return presets[name]


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
    """The spec that loads a release's encoder again; compare the identity of what it finds."""
    return EncoderSpec.model_validate({k: v for k, v in identity.spec.items() if k != _WEIGHTS})


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
