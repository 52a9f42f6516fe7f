"""What executes an encoder's network: ONNX Runtime on a CPU, torch on an accelerator or as fallback.

On a CPU the exported graph runs once per thread with one core each: measured faster than one call
over all cores, and the ONNX graph twice to three times as fast as torch for the picture model.
"""

import logging
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mmsearch_dagster.adapters.host.cores import cores
from mmsearch_dagster.adapters.models.graph_file import (
    has_weights_beside,
    move_graph,
    open_graph,
    part_folder,
    separate_weights,
)
from mmsearch_dagster.core.encoders.protocol import EncoderSpec, Forward
from mmsearch_dagster.core.errors import MmsearchError
from mmsearch_dagster.core.modalities import Matrix
from mmsearch_dagster.core.release import EncoderIdentity

if TYPE_CHECKING:
    from onnxruntime import InferenceSession
    from torch import nn

_LOG = logging.getLogger(__name__)
_OPSET = 17
_INPUTS = {"text": ("input_ids", "attention_mask"), "image": ("pixels",)}
_LEAST_COSINE = 0.999
_ACCELERATORS = ("/dev/nvidiactl", "/dev/dxg", "/dev/kfd")


def start(spec: EncoderSpec, identity: EncoderIdentity, files: Path, cache_dir: Path) -> Forward:
    """The network of a resolved spec behind the fastest runtime that works here.

    Raises MmsearchError when `spec.runtime` insists on `onnx` and that does not work.
    """
    if spec.runtime == "torch" or (spec.runtime == "auto" and best_device() != "cpu"):
        return _torch_forward(spec, files)
    try:
        return _onnx_forward(spec, identity, files, cache_dir)
    except Exception as error:
        if spec.runtime == "onnx":
            raise MmsearchError(
                f"{spec.modality} encoder '{spec.model}' cannot run in ONNX Runtime: {error}. "
                "Set runtime: torch"
            ) from error
        _LOG.warning("%s encoder '%s' runs in torch: ONNX failed (%s)", spec.modality, spec.model, error)
        return _torch_forward(spec, files)


def best_device() -> str:
    """cuda, mps or cpu; torch is imported only where a device file suggests that there is more than a CPU."""
    if sys.platform != "darwin" and not any(Path(path).exists() for path in _ACCELERATORS):
        return "cpu"
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _torch_forward(spec: EncoderSpec, files: Path) -> Forward:
    import torch

    from mmsearch_dagster.core.encoders.networks import load_network

    device = torch.device(best_device())
    network = load_network(spec, files).to(device)
    if spec.modality == "image":
        network.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]

    def run(*arrays: Any) -> Matrix:
        with torch.inference_mode():
            vectors = network(*(torch.from_numpy(array).to(device) for array in arrays))
            return vectors.float().cpu().numpy()

    return Forward(run)


def _onnx_forward(spec: EncoderSpec, identity: EncoderIdentity, files: Path, cache_dir: Path) -> Forward:
    path = cache_dir / f"{identity.fingerprint}.onnx"
    session = _cached_session(path) or _export(spec, files, path)
    names = _INPUTS[spec.modality]

    def run(*arrays: Any) -> Matrix:
        vectors: Any = session.run(None, dict(zip(names, arrays, strict=True)))[0]
        return vectors

    # A graph for one picture at a time must have that many callers to use the cores.
    return Forward(run, threads=max(2, cores()))


def _cached_session(path: Path) -> "InferenceSession | None":
    if not path.exists():
        return None
    try:
        if not has_weights_beside(path):
            _separate_stored(path)
        return open_graph(path)
    except Exception as error:
        _LOG.warning("exported again: %s cannot be read (%s)", path, error)
        return None


def _separate_stored(path: Path) -> None:
    """Earlier versions stored graphs whole; where the folder cannot be written they are read so."""
    try:
        with part_folder(path) as part:
            separate_weights(path, part / path.name)
            move_graph(part / path.name, path)
    except Exception as error:
        _LOG.debug("%s stays whole: %s", path, error)


def _export(spec: EncoderSpec, files: Path, path: Path) -> "InferenceSession":
    """Write the graph beside its place, check it against torch, then move it there."""
    from mmsearch_dagster.core.encoders.networks import load_network

    network = load_network(spec, files)
    with part_folder(path) as part:
        whole, separate = part / "whole.onnx", part / path.name
        _write_graph(network, spec, whole)
        separate_weights(whole, separate)
        session = open_graph(separate)
        _compare(network, session, spec)
        move_graph(separate, path)
    return session


def _write_graph(network: "nn.Module", spec: EncoderSpec, path: Path) -> None:
    """The tracing exporter: 1 s where `dynamo=True` takes 9 s, and the same speed afterwards."""
    import torch

    names = _INPUTS[spec.modality]
    arrays = _probe(spec, rows=1 if spec.modality == "image" else 2, length=7)
    # Pictures go one by one: a fixed shape lets the runtime fold all padding arithmetic away.
    axes = {name: {0: "batch", 1: "length"} for name in names} if spec.modality == "text" else None
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network,
            tuple(torch.from_numpy(array) for array in arrays),
            path,
            dynamo=False,
            input_names=list(names),
            output_names=["vectors"],
            dynamic_axes=axes,
            opset_version=_OPSET,
        )


def _compare(network: "nn.Module", session: "InferenceSession", spec: EncoderSpec) -> None:
    """A traced graph may have frozen what should vary: ask both about another shape than the traced one."""
    import torch

    arrays = _probe(spec, rows=1 if spec.modality == "image" else 3, length=11)
    with torch.inference_mode():
        expected = network(*(torch.from_numpy(array) for array in arrays)).numpy()
    actual: Any = session.run(None, dict(zip(_INPUTS[spec.modality], arrays, strict=True)))[0]
    norms = np.linalg.norm(expected, axis=1) * np.linalg.norm(actual, axis=1)
    cosine = float(((expected * actual).sum(axis=1) / norms).min())
    if not cosine > _LEAST_COSINE:
        raise MmsearchError(f"the exported graph differs from its network: cosine {cosine:.4f}")


def _probe(spec: EncoderSpec, *, rows: int, length: int) -> tuple[Any, ...]:
    random = np.random.default_rng(0)
    if spec.modality == "image":
        assert spec.size is not None
        return (random.integers(0, 256, (rows, spec.size, spec.size, 3), dtype=np.uint8),)
    mask = np.ones((rows, length), dtype=np.int64)
    mask[-1, length - 3 :] = 0
    return random.integers(5, 100, (rows, length), dtype=np.int64) * mask, mask
