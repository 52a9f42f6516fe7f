"""Photos as a network in training sees them: cropped, mirrored, recoloured; a seed fixes the view."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from mmsearch_dagster.core.encoders.torchvision_shim import import_torchvision
from mmsearch_dagster.core.finetuning.params import FinetuneParams
from mmsearch_dagster.core.media.images import UnreadableImageError, open_image, square
from mmsearch_dagster.core.prefetch import ahead

_THREADS = 2
_RATIO = (3 / 4, 4 / 3)


@dataclass(frozen=True)
class Photo:
    """One labelled picture. label: class number. read: its file's bytes."""

    label: int
    read: Callable[[], bytes]


def views(
    photos: Sequence[Photo], params: FinetuneParams, size: int, seeds: Sequence[int]
) -> Iterator[Tensor]:
    """Loads one random view of each photo; each view depends on its own seed alone.

    Args:
        photos: what to load.
        params: strength of the augmentation.
        size: side of a view in pixels.
        seeds: one per photo.

    Yields:
        uint8 [size, size, 3].
    """
    view = _view(params, size)

    def load_view(photo_and_seed: tuple[Photo, int]) -> Tensor:
        photo, seed = photo_and_seed
        image = open_image(photo.read(), shown_side=size)
        return view(image, torch.Generator().manual_seed(seed))

    return ahead(load_view, zip(photos, seeds, strict=True), threads=_THREADS, depth=4 * params.batch)


def plain_views(photos: Sequence[Photo], params: FinetuneParams) -> Iterator[Tensor]:
    """Loads photos as the finished encoder will see them.

    Args:
        photos: what to load.
        params: size and crop of the encoder.

    Yields:
        uint8 [size, size, 3].
    """
    size, crop = params.encode_size, params.encode_crop

    def load_plain(photo: Photo) -> Tensor:
        image = open_image(photo.read(), shown_side=round(size / crop))
        return torch.from_numpy(square(image, size, crop, "bicubic").copy())

    return ahead(load_plain, photos, threads=_THREADS, depth=2 * params.batch)


def batches(images: Iterator[Tensor], photos: Sequence[Photo], size: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Groups images and labels into batches; the last one may be smaller.

    Args:
        images: uint8 [side, side, 3], one per photo.
        photos: their labels.
        size: images per batch.

    Yields:
        uint8 [b, side, side, 3] and int64 labels [b].
    """
    waiting: list[Tensor] = []
    start = 0
    for image in images:
        waiting.append(image)
        if len(waiting) == size or start + len(waiting) == len(photos):
            labels = torch.tensor([photo.label for photo in photos[start : start + len(waiting)]])
            yield torch.stack(waiting), labels
            start, waiting = start + len(waiting), []


def cut_mix(pixels: Tensor, labels: Tensor, chance: float) -> tuple[Tensor, Tensor, float]:
    """Replaces a box of each image by the same box of another one (CutMix, Yun et al., 2019).

    Args:
        pixels: [b, side, side, 3].
        labels: [b].
        chance: of a change, 0 to 1.

    Returns:
        The mixed pixels, the labels of the other images, and the share of each image that is left.
    """
    if float(torch.rand(())) >= chance:
        return pixels, labels, 1.0
    side = pixels.shape[1]
    cut = round(side * float(torch.rand(())) ** 0.5)  # the share cut out is even between 0 and 1
    top, left = (int(torch.randint(side - cut + 1, ())) for _ in range(2))
    other = torch.randperm(len(labels), device=labels.device)
    mixed = pixels.clone()
    mixed[:, top : top + cut, left : left + cut] = pixels[other, top : top + cut, left : left + cut]
    return mixed, labels[other], 1.0 - (cut / side) ** 2


def readable(files: Sequence[Callable[[], bytes]]) -> list[bool]:
    """Which files can be read to the last pixel, in order."""

    def is_readable(read: Callable[[], bytes]) -> bool:
        try:
            open_image(read(), shown_side=64)
        except (OSError, UnreadableImageError):
            return False
        return True

    return list(ahead(is_readable, files, threads=_THREADS, depth=64))


def _view(params: FinetuneParams, size: int) -> Callable[[Any, torch.Generator], Tensor]:
    import_torchvision()
    from torchvision.transforms.v2 import functional as change

    def between(low: float, high: float, generator: torch.Generator) -> float:
        return low + (high - low) * float(torch.rand((), generator=generator))

    def view(image: Any, generator: torch.Generator) -> Tensor:
        top, left, height, width = random_crop(image.size, params.smallest_crop, generator)
        box = (left, top, left + width, top + height)
        shown = image.resize((size, size), 3, box=box, reducing_gap=2.0)
        if between(0, 1, generator) < 0.5:
            shown = change.hflip(shown)
        c = params.colour
        for adjust in (change.adjust_brightness, change.adjust_contrast, change.adjust_saturation):
            shown = adjust(shown, between(1 - c, 1 + c, generator))
        shown = change.adjust_hue(shown, between(-c / 10, c / 10, generator))
        return change.pil_to_tensor(shown).permute(1, 2, 0)

    return view


def random_crop(
    shape: tuple[int, int], smallest: float, generator: torch.Generator
) -> tuple[int, int, int, int]:
    """Top, left, height, width: torchvision's random crop, drawn from its own generator."""
    width, height = shape
    for _ in range(10):
        draw = torch.rand(4, generator=generator).tolist()
        area = width * height * (smallest + (1 - smallest) * draw[0])
        ratio = _RATIO[0] * (_RATIO[1] / _RATIO[0]) ** draw[1]  # even on a logarithmic scale
        across, down = round((area * ratio) ** 0.5), round((area / ratio) ** 0.5)
        if 0 < across <= width and 0 < down <= height:
            return int((height - down + 1) * draw[2]), int((width - across + 1) * draw[3]), down, across
    side = min(width, height)
    return (height - side) // 2, (width - side) // 2, side, side
