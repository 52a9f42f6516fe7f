"""An image network with one output per product: what of it learns, and how fast."""

from typing import Any

import torch
from torch import Tensor, nn

from mmsearch_dagster.core.encoders.networks import ImageNetwork
from mmsearch_dagster.core.finetuning.params import FinetuneParams
from mmsearch_dagster.core.finetuning.weight_groups import weight_groups


class Classifier(nn.Module):
    """The image network and one output per product."""

    def __init__(self, network: ImageNetwork, width: int, classes: int, drop: float) -> None:
        super().__init__()
        self.network = network
        self.drop = nn.Dropout(drop)
        self.head = nn.Linear(width, classes)
        nn.init.zeros_(self.head.bias)
        nn.init.normal_(self.head.weight, std=0.01)

    def forward(self, pixels: Tensor) -> Tensor:
        """Class scores of images.

        Args:
            pixels: uint8 [b, size, size, 3].

        Returns:
            Logits [b, classes].
        """
        return self.head(self.drop(self.network(pixels)))

    def train(self, mode: bool = True) -> "Classifier":
        """Only the new parts train; the network keeps its statistics and stays deterministic."""
        super().train(False)
        self.drop.train(mode)
        return self


def freeze_before(backbone: nn.Module, stages: int) -> None:
    """Only the parameters of the last `stages` stages learn, as timm counts them."""
    from timm.models import group_parameters

    matcher: Any = backbone.group_matcher  # pyright: ignore[reportCallIssue]
    groups = group_parameters(backbone, matcher(coarse=True))
    learning = {name for key in sorted(groups)[-stages:] for name in groups[key]}
    for name, parameter in backbone.named_parameters():
        parameter.requires_grad_(name in learning)


def optimizer_for(model: Classifier, params: FinetuneParams) -> torch.optim.AdamW:
    """The network's last stages and, faster, the new outputs."""
    learning = [parameter for parameter in model.network.parameters() if parameter.requires_grad]
    groups = weight_groups(learning, params.learning_rate)
    groups += weight_groups(model.head.parameters(), params.head_rate)
    return torch.optim.AdamW(groups, weight_decay=params.weight_decay)
