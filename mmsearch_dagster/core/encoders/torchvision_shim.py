"""The one place that mends PyPI's torchvision (a CUDA build) beside a CPU torch.

Its import dies with `operator torchvision::nms does not exist`: the compiled half that defines the
operator does not load, and the Python half still registers a shape rule for it. timm and transformers
import torchvision, so everything that loads one of their models calls `import_torchvision` first.
"""

import importlib
import sys

_MISSING = ("nms", "qnms")
_SCHEMA = "{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
# A torch.library.Library undoes its definitions when it is garbage-collected.
_kept_alive: list[object] = []


def import_torchvision() -> None:
    """Import torchvision, defining the schemas of `nms` and `qnms` only where its own build did not."""
    try:
        importlib.import_module("torchvision")
    except RuntimeError:
        if _has_operators():
            raise
        _forget("torchvision")
        _define_missing_operators()
        importlib.import_module("torchvision")


def _has_operators() -> bool:
    """Whether the compiled half of torchvision is there."""
    import torch

    return all(hasattr(torch.ops.torchvision, name) for name in _MISSING)


def _define_missing_operators() -> None:
    import torch

    library = torch.library.Library("torchvision", "FRAGMENT")
    for name in _MISSING:
        library.define(_SCHEMA.format(name=name))
    _kept_alive.append(library)


def _forget(package: str) -> None:
    for name in [name for name in sys.modules if name == package or name.startswith(package + ".")]:
        del sys.modules[name]
