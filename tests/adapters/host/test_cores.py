"""How many cores a process may use, from control groups as they lie on a disk."""

import os
from pathlib import Path

import pytest

from mmsearch_dagster.adapters.host.cores import cores
from mmsearch_dagster.core.errors import ConfigError

MANY = 64


@pytest.fixture(autouse=True)
def _a_large_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(MANY)), raising=False)


def lay(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{text}\n", encoding="utf-8")
    return root


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        pytest.param({}, MANY, id="no control groups"),
        pytest.param(
            {"proc/self/cgroup": "0::/", "sys/fs/cgroup/cpu.max": "200000 100000"}, 2, id="version 2"
        ),
        pytest.param(
            {"proc/self/cgroup": "0::/", "sys/fs/cgroup/cpu.max": "max 100000"}, MANY, id="no limit"
        ),
        pytest.param(
            {"proc/self/cgroup": "0::/", "sys/fs/cgroup/cpu.max": "150000 100000"}, 2, id="part of a core"
        ),
        pytest.param(
            {"proc/self/cgroup": "0::/", "sys/fs/cgroup/cpu.max": "10000 100000"}, 1, id="less than a core"
        ),
        pytest.param(
            {
                "proc/self/cgroup": "0::/shop/api",
                "sys/fs/cgroup/shop/api/cpu.max": "max 100000",
                "sys/fs/cgroup/shop/cpu.max": "300000 100000",
            },
            3,
            id="a group around it",
        ),
        pytest.param(
            {"proc/self/cgroup": "0::/not/visible/inside", "sys/fs/cgroup/cpu.max": "400000 100000"},
            4,
            id="a path of the host, seen from a container",
        ),
        pytest.param(
            {
                "proc/self/cgroup": "5:cpu,cpuacct:/docker/1\n2:cpuset:/docker/1\n0::/",
                "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "500000",
                "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000",
            },
            5,
            id="version 1",
        ),
        pytest.param(
            {
                "proc/self/cgroup": "1:cpu:/",
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000",
            },
            MANY,
            id="version 1 without a limit",
        ),
    ],
)
def test_the_limit_of_a_container_counts(tmp_path: Path, files: dict[str, str], expected: int) -> None:
    assert cores({}, lay(tmp_path, files)) == expected


def test_the_least_of_all_limits_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = lay(tmp_path, {"proc/self/cgroup": "0::/", "sys/fs/cgroup/cpu.max": "600000 100000"})
    assert cores({"MMSEARCH_CORES": "8"}, root) == 6
    assert cores({"MMSEARCH_CORES": "3"}, root) == 3
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 1}, raising=False)
    assert cores({"MMSEARCH_CORES": "3"}, root) == 2


def test_a_system_without_affinity_counts_its_cores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 12)
    assert cores({}, tmp_path) == 12


@pytest.mark.parametrize("text", ["0", "-1", "two", "1.5"])
def test_a_number_of_cores_that_is_none_is_the_callers_to_mend(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError, match="MMSEARCH_CORES"):
        cores({"MMSEARCH_CORES": text}, tmp_path)


def test_nothing_else_in_the_package_counts_cores() -> None:
    package = Path(__file__).parents[3] / "mmsearch_dagster"
    counting = {
        str(file.relative_to(package))
        for file in package.rglob("*.py")
        if any(name in file.read_text(encoding="utf-8") for name in ("cpu_count", "sched_getaffinity"))
    }
    assert counting == {"adapters/host/cores.py"}
