"""Fine-tuning the last stages of an image network as a classifier of products.

The recipe: frozen batch statistics, AdamW on a one-cycle schedule, random crops growing in size, label
smoothing, a little CutMix, and the running mean of the weights as the result.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from mmsearch_dagster.core.encoders.networks import ImageNetwork
from mmsearch_dagster.core.finetuning.augmentation import Photo, batches, cut_mix, plain_views, views
from mmsearch_dagster.core.finetuning.checkpoint import restore_checkpoint, save_checkpoint
from mmsearch_dagster.core.finetuning.fold_batchnorm import fold_frozen_norms
from mmsearch_dagster.core.finetuning.params import FinetuneParams
from mmsearch_dagster.core.finetuning.product_classifier import Classifier, freeze_before, optimizer_for
from mmsearch_dagster.core.finetuning.watch import Watch


@dataclass(frozen=True)
class Epoch:
    """One pass over the photos. loss, accuracy: means over its augmented pictures; held_out: share of
    photos kept apart that are recognised, by the averaged weights (None without any)."""

    epoch: int
    size: int
    loss: float
    accuracy: float
    held_out: float | None = None


def finetune(
    network: ImageNetwork,
    photos: Sequence[Photo],
    held_out: Sequence[Photo],
    params: FinetuneParams,
    *,
    width: int,
    watch: Watch | None = None,
    checkpoint: Path | None = None,
) -> tuple[dict[str, Tensor], tuple[Epoch, ...]]:
    """Fine-tunes an image network on labelled photos.

    The same photos, params and machine give the same weights.

    Args:
        network: in evaluation mode; its tensors are trained in place and its modules are folded.
        photos: labels must be 0 to n - 1.
        held_out: photos that are only measured.
        params: epochs, learning rates and augmentation.
        width: length of the network's feature vector.
        watch: gets each finished batch and epoch.
        checkpoint: written after each epoch and continued from, so that a killed training that starts again
            ends with the same weights.

    Returns:
        The backbone's state dict on the CPU, names as before, and the curve.
    """
    names = dict(network.backbone.state_dict(keep_vars=True))
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    with torch.random.fork_rng():
        torch.manual_seed(params.seed)
        classes = 1 + max(photo.label for photo in photos)
        training = _Training(network, names, width, classes, params, len(photos), device)
        done = training.restore(checkpoint)
        for epoch in range(len(done), params.epochs):
            done.append(training.epoch(epoch, photos, held_out, watch or Watch()))
            training.save(checkpoint, done)
    training.take_averages()
    return {name: tensor.detach().cpu().contiguous() for name, tensor in names.items()}, tuple(done)


class _Training:
    """All that changes from step to step."""

    def __init__(
        self,
        network: ImageNetwork,
        names: dict[str, Tensor],
        width: int,
        classes: int,
        params: FinetuneParams,
        photos: int,
        device: torch.device,
    ) -> None:
        self._params, self._device, self._names = params, device, names
        freeze_before(network.backbone, params.stages)
        fold_frozen_norms(network.backbone)
        self._model = Classifier(network, width, classes, params.drop).to(device)
        self._model.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        self._average = AveragedModel(self._model, multi_avg_fn=get_ema_multi_avg_fn(params.average))
        self._optimizer = optimizer_for(self._model, params)
        steps = max(1, photos // params.batch) * params.epochs
        rates = [group["lr"] for group in self._optimizer.param_groups]
        self._schedule = torch.optim.lr_scheduler.OneCycleLR(
            self._optimizer, max_lr=rates, total_steps=steps, pct_start=0.2
        )

    def epoch(self, epoch: int, photos: Sequence[Photo], held_out: Sequence[Photo], watch: Watch) -> Epoch:
        """One pass over `photos` in an order of its own."""
        params, size = self._params, self._params.size_at(epoch)
        torch.manual_seed(params.seed * 1_000_003 + epoch)
        order = torch.randperm(len(photos)).tolist()
        order = order[: max(1, len(photos) // params.batch) * params.batch]  # whole batches only
        seeds = torch.randint(2**62, (len(order),)).tolist()
        shuffled = [photos[index] for index in order]
        losses, right = 0.0, 0
        self._model.train()
        for pixels, labels in batches(views(shuffled, params, size, seeds), shuffled, params.batch):
            loss, hits = self._step(pixels.to(self._device), labels.to(self._device))
            losses, right = losses + loss * len(labels), right + hits
            watch.batch(len(labels))
        measured = self._accuracy(held_out) if held_out else None
        finished = Epoch(epoch, size, losses / len(order), right / len(order), measured)
        watch.epoch(finished)
        return finished

    def _step(self, pixels: Tensor, labels: Tensor) -> tuple[float, int]:
        pixels, other, share = cut_mix(pixels, labels, self._params.mix)
        logits = self._model(pixels)
        smooth = self._params.label_smoothing
        loss = share * nn.functional.cross_entropy(logits, labels, label_smoothing=smooth)
        if share < 1:
            loss = loss + (1 - share) * nn.functional.cross_entropy(logits, other, label_smoothing=smooth)
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self._optimizer.step()
        self._schedule.step()
        self._average.update_parameters(self._model)
        return float(loss.detach()), int((logits.argmax(1) == labels).sum())

    def _accuracy(self, photos: Sequence[Photo]) -> float:
        model, right = self._average.module.train(False), 0
        with torch.inference_mode():
            for pixels, labels in batches(plain_views(photos, self._params), photos, self._params.batch):
                right += int((model(pixels.to(self._device)).argmax(1).cpu() == labels).sum())
        return right / len(photos)

    def take_averages(self) -> None:
        """The trained tensors become their running means."""
        with torch.no_grad():
            for tensor, mean in zip(self._model.parameters(), self._average.module.parameters(), strict=True):
                tensor.copy_(mean)

    def save(self, path: Path | None, done: Sequence[Epoch]) -> None:
        """Replace the checkpoint in one step."""
        save_checkpoint(path, self._parts, done)

    def restore(self, path: Path | None) -> list[Epoch]:
        """Continue from the checkpoint; returns the epochs that are done."""
        return [Epoch(**epoch) for epoch in restore_checkpoint(path, self._parts, self._device)]

    @property
    def _parts(self) -> dict[str, Any]:
        return {
            "model": self._model,
            "average": self._average,
            "optimizer": self._optimizer,
            "schedule": self._schedule,
        }
