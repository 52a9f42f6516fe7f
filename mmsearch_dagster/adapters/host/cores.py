"""How many CPU cores this process may use: what a container allows is often less than the machine has."""

import math
import os
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from mmsearch_dagster.core.errors import ConfigError

CORES_VARIABLE = "MMSEARCH_CORES"


def cores(environment: Mapping[str, str] = os.environ, root: Path = Path("/")) -> int:
    """The least of: cores that the process may be scheduled on, the CPU limit of its container, and
    `MMSEARCH_CORES` where it is set. At least 1; part of a core counts as a whole one.

    Args:
        environment: where `MMSEARCH_CORES` is looked up.
        root: the folder that `proc` and `sys` lie in.

    Raises:
        ConfigError: `MMSEARCH_CORES` is not a whole number above 0.
    """
    limits = [float(_scheduled()), *_quotas(root), *_requested(environment)]
    return max(1, math.ceil(min(limits)))


def _scheduled() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _requested(environment: Mapping[str, str]) -> Iterator[int]:
    text = environment.get(CORES_VARIABLE, "").strip()
    if text:
        if not text.isdecimal() or int(text) < 1:
            raise ConfigError(f"{CORES_VARIABLE} is '{text}': give a whole number of CPU cores, at least 1")
        yield int(text)


def _quotas(root: Path) -> Iterator[float]:
    """CPU limits in cores of the control groups this process is in and of those around them.

    Linux control groups, version 2 (`cpu.max`: "quota period" or "max period") and version 1
    (`cpu.cfs_quota_us`, -1 without a limit, beside `cpu.cfs_period_us`).
    """
    mounts = root / "sys/fs/cgroup"
    for controllers, group in _groups(root / "proc/self/cgroup"):
        for level in (group, *group.parents):
            inside = str(level).lstrip("/")
            if not controllers:
                yield from _ratio(_read(mounts / inside / "cpu.max").split())
            elif "cpu" in controllers.split(","):
                names = (controllers, "cpu")
                for folder in {mounts / name / inside for name in names}:
                    quota, period = (_read(folder / f"cpu.cfs_{name}_us") for name in ("quota", "period"))
                    yield from _ratio([quota, period])


def _groups(file: Path) -> Iterator[tuple[str, PurePosixPath]]:
    """Controllers (empty: version 2) and the path of each control group of this process."""
    for line in _read(file).splitlines():
        _, controllers, path = line.split(":", 2)
        yield controllers, PurePosixPath(path)


def _ratio(quota_and_period: list[str]) -> Iterator[float]:
    if len(quota_and_period) == 2 and all(text.isdecimal() and int(text) > 0 for text in quota_and_period):
        yield int(quota_and_period[0]) / int(quota_and_period[1])


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").strip()
    except OSError:
        return ""
