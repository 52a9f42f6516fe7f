"""The networks themselves: torch modules whose inputs are what the encoders hand over.

The only core module that loads models; importing it imports torch, so nothing light may.
"""

import json
from pathlib import Path
from typing import Any

import torch
from torch import nn

from mmsearch_dagster.core.encoders.protocol import EncoderSpec
from mmsearch_dagster.core.encoders.torchvision_shim import import_torchvision
from mmsearch_dagster.core.random_state import seeded

EMBEDDED_TIMM_MODEL = "tf_efficientnet_lite0"


class TextNetwork(nn.Module):
    """A transformers text model, pooled over its tokens: [b, d] from [b, l] ids and mask."""

    def __init__(self, backbone: Any, pooling: str) -> None:
        super().__init__()
        self.backbone = backbone
        self.pooling = pooling

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Encodes tokens.

        Args:
            input_ids: int64 [b, l].
            attention_mask: int64 [b, l].

        Returns:
            [b, d].
        """
        if hasattr(self.backbone, "get_text_features"):
            answer = self.backbone.get_text_features(input_ids=input_ids, attention_mask=attention_mask)
            return answer.pooler_output
        hidden = self.backbone(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        if self.pooling == "cls":
            return hidden[:, 0]
        weight = attention_mask.unsqueeze(-1).to(hidden.dtype)  # [b, l, 1]
        return (hidden * weight).sum(1) / weight.sum(1).clamp(min=1.0)


class ImageNetwork(nn.Module):
    """Pixels as Pillow returns them, uint8 [b, size, size, 3], to pooled features [b, d].

    Normalising inside the network spares every decoding thread a float copy of each picture.
    """

    mean: torch.Tensor
    scale: torch.Tensor

    def __init__(self, backbone: Any, mean: tuple[float, ...], std: tuple[float, ...]) -> None:
        super().__init__()
        self.backbone = backbone
        self.register_buffer("mean", 255.0 * torch.tensor(mean).view(1, 3, 1, 1))
        self.register_buffer("scale", 1.0 / (255.0 * torch.tensor(std).view(1, 3, 1, 1)))

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Encodes images.

        Args:
            pixels: uint8 [b, size, size, 3].

        Returns:
            [b, d].
        """
        colours = pixels.permute(0, 3, 1, 2).float()  # [b, 3, size, size]
        return self.backbone((colours - self.mean) * self.scale).flatten(1)


class _TransformersVision(nn.Module):
    """A transformers vision model as a plain function of its pixel values."""

    def __init__(self, backbone: Any) -> None:
        super().__init__()
        self.backbone = backbone

    def forward(self, pixel_values: torch.Tensor) -> torch.Tensor:
        ask = getattr(self.backbone, "get_image_features", self.backbone)
        answer: Any = ask(pixel_values=pixel_values)
        pooled = answer.pooler_output
        return answer.last_hidden_state[:, 0] if pooled is None else pooled


class AudioNetwork(nn.Module):
    """A transformers model of sound as its feature extractor feeds it: [b, d], the mean over time."""

    def __init__(self, backbone: Any) -> None:
        super().__init__()
        self.backbone = backbone

    def forward(self, **inputs: torch.Tensor) -> torch.Tensor:
        """Encodes audio.

        Args:
            inputs: what the model's feature extractor returns.

        Returns:
            [b, d].
        """
        if hasattr(self.backbone, "get_audio_features"):
            return self.backbone.get_audio_features(**inputs).pooler_output
        return self.backbone(**inputs).last_hidden_state.mean(dim=1)


def load_network(spec: EncoderSpec, files: Path) -> nn.Module:
    """The network of a resolved spec, in evaluation mode, on the CPU, float32.

    files: the model's folder, or the state dict of the embedded picture model. Never downloads.
    """
    import_torchvision()
    with seeded(0):  # the first weights are drawn at random, and then replaced by those of the files
        return _load(spec, files)


def _load(spec: EncoderSpec, files: Path) -> nn.Module:
    if spec.modality == "text":
        return TextNetwork(_from_transformers(files), spec.pooling).eval()
    if spec.modality == "audio":
        return AudioNetwork(_from_transformers(files)).eval()
    if spec.mean is None or spec.std is None:
        raise ValueError("an image spec must be resolved before its network is loaded")
    vision = _from_timm(files) if spec.library == "timm" else _TransformersVision(_from_transformers(files))
    return ImageNetwork(vision, spec.mean, spec.std).eval()


def timm_width(folder: Path) -> int:
    """Width of a timm model's pooled features, from its architecture without its weights."""
    import_torchvision()
    import timm

    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    arguments = {**config.get("model_args", {}), "num_classes": 0}
    with torch.device("meta"):
        model: Any = timm.create_model(config["architecture"], **arguments)
    return int(getattr(model, "head_hidden_size", None) or model.num_features)


def _from_transformers(folder: Path) -> Any:
    from transformers import AutoModel
    from transformers.utils import logging

    logging.disable_progress_bar()
    return AutoModel.from_pretrained(folder, local_files_only=True, dtype=torch.float32).eval()


def _from_timm(files: Path) -> nn.Module:
    import timm

    if files.is_dir():
        return timm.create_model(f"local-dir:{files}", pretrained=True, num_classes=0).eval()
    model: Any = timm.create_model(EMBEDDED_TIMM_MODEL, pretrained=False)
    # The package's names differ from timm's; the order and every shape are the same.
    weights = torch.load(files, map_location="cpu", weights_only=True)
    model.load_state_dict(dict(zip(model.state_dict(), weights.values(), strict=True)))
    model.reset_classifier(0)
    return model.eval()
