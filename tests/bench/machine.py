"""Where it was measured, and the same cores for every contender."""

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

from mmsearch_dagster.adapters.host.cores import cores

_LIBRARIES = ("torch", "onnxruntime", "transformers", "sentence-transformers", "timm", "dagster", "pillow")


def use_cores(count: int) -> int:
    """Keep this process and its children to `count` cores, and torch to as many threads; returns them."""
    count = max(1, min(count, cores()))
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:count])
    os.environ["OMP_NUM_THREADS"] = str(count)
    import torch

    torch.set_num_threads(count)
    return count


def facts(threads: int) -> dict[str, Any]:
    """Processor, threads, load and versions."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    return {
        "processor": _processor(),
        "threads": threads,
        "load before": load,
        "python": platform.python_version(),
        "system": platform.platform(),
        **{name: version(name) for name in _LIBRARIES},
    }


def _processor() -> str:
    known = Path("/proc/cpuinfo")
    lines = known.read_text(encoding="utf-8").splitlines() if known.is_file() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
