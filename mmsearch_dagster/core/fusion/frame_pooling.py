"""How much each frame of a video counts: attention pooling, learned with the towers.

Legend: b batch, f frames, d width of one frame's vector. A frame of zeros is no frame.
"""

import torch
from torch import Tensor, nn

from mmsearch_dagster.core.fusion.strategies import masked_softmax

_HIDDEN = 64


class FramePool(nn.Module):
    """A weighted mean of a video's frames; each is scored beside the mean of all. Starts as the mean."""

    def __init__(self, frames: int, width: int) -> None:
        super().__init__()
        self.frames = frames
        self.key = nn.Linear(2 * width, _HIDDEN)
        self.score = nn.Linear(_HIDDEN, 1)
        nn.init.zeros_(self.score.weight)
        nn.init.zeros_(self.score.bias)

    def weights(self, frames: Tensor, center: Tensor, scale: Tensor) -> Tensor:
        """Attention over the frames of each row.

        Args:
            frames: [b, f, d] as encoded.
            center: [d], subtracted first.
            scale: [d], divided by.

        Returns:
            [b, f]; each row sums to 1, or to 0 without a frame.
        """
        seen = frames.detach().abs().amax(dim=-1) > 0  # [b, f]
        unit = nn.functional.normalize((frames - center) / scale, dim=-1)
        share = seen / seen.sum(dim=1, keepdim=True).clamp(min=1)
        mean_frame = (unit * share.unsqueeze(-1)).sum(dim=1, keepdim=True).expand_as(unit)
        hidden = nn.functional.gelu(self.key(torch.cat([unit, mean_frame], dim=-1)))  # [b, f, hidden]
        return masked_softmax(self.score(hidden).squeeze(-1), seen)

    def forward(self, x: Tensor, center: Tensor, scale: Tensor) -> Tensor:
        """The weighted mean of the frames.

        Args:
            x: [b, f * d], frame after frame.
            center: [d].
            scale: [d].

        Returns:
            [b, d].
        """
        frames = x.unflatten(-1, (self.frames, -1))  # [b, f, d]
        return (self.weights(frames, center, scale).unsqueeze(-1) * frames).sum(dim=1)
