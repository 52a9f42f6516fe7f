"""What pyproject.toml declares: everything that is imported, each with a lower bound that installs."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

REPOSITORY = Path(__file__).parents[1]
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
DEPENDENCIES = [Requirement(line) for line in PROJECT["dependencies"]]
OPTIONAL = [Requirement(line) for extra in PROJECT["optional-dependencies"].values() for line in extra]
# Comes with dagster, under dagster's own version.
PART_OF_ANOTHER = {"dagster_shared"}


def pinned() -> dict[str, str]:
    """Name -> version of each line of constraints.txt."""
    text = (REPOSITORY / "constraints.txt").read_text(encoding="utf-8")
    pins = re.findall(r"^([^#\s=]+)==(\S+)$", text, re.M)
    return {canonicalize_name(name): version for name, version in pins}


def imported(folder: str) -> set[str]:
    """Outside modules that the files under `folder` import, anywhere in them."""
    names: set[str] = set()
    for file in (REPOSITORY / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names.add(node.module or "")
    first = {name.split(".")[0] for name in names}
    return first - set(sys.stdlib_module_names) - {"mmsearch_dagster", "tests"} - PART_OF_ANOTHER


def undeclared(modules: set[str], declared: Iterable[Requirement]) -> set[str]:
    """The modules that no declared distribution brings."""
    names = {canonicalize_name(requirement.name) for requirement in declared}
    brought = packages_distributions()
    return {one for one in modules if not names & {canonicalize_name(name) for name in brought.get(one, ())}}


def test_each_dependency_has_a_lower_bound_that_the_pinned_version_meets() -> None:
    versions = pinned()
    for requirement in (*DEPENDENCIES, *OPTIONAL):
        assert [bound.operator for bound in requirement.specifier] == [">="], requirement
        assert requirement.specifier.contains(versions[canonicalize_name(requirement.name)]), requirement


@pytest.mark.slow
def test_whatever_the_package_imports_is_declared() -> None:
    assert undeclared(imported("mmsearch_dagster"), [*DEPENDENCIES, *OPTIONAL]) == set()


@pytest.mark.slow
def test_whatever_the_tests_import_is_declared() -> None:
    assert undeclared(imported("tests"), [*DEPENDENCIES, *OPTIONAL]) == set()


def resolve(*requirements: str, cache: Path) -> subprocess.CompletedProcess[str]:
    """uv's answer: which releases would be installed, the oldest ones of what is named."""
    command = [str(Path(sys.executable).with_name("uv")), "pip", "compile", *requirements, "--quiet"]
    options = ["--resolution=lowest-direct", "--all-extras", f"--cache-dir={cache}"]
    return subprocess.run([*command, *options], capture_output=True, text=True, timeout=300)


@pytest.mark.slow
@pytest.mark.parametrize("python", ["3.11", "3.12"])
def test_the_oldest_allowed_releases_install_together(python: str, tmp_path: Path) -> None:
    one = tmp_path / "pyproject.toml"
    one.write_text("[project]\nname = 'one'\nversion = '1'\ndependencies = ['iniconfig']\n", encoding="utf-8")
    probe = resolve(str(one), cache=tmp_path / "cache")
    if probe.returncode:
        pytest.skip(f"no package index can be reached: {probe.stderr.strip()[-200:]}")

    project = REPOSITORY / "pyproject.toml"
    resolved = resolve(str(project), f"--python-version={python}", cache=tmp_path / "cache")

    assert resolved.returncode == 0, resolved.stderr[-2000:]
    assert len(re.findall(r"^[a-z0-9][^ ]*==", resolved.stdout, re.M)) > len(DEPENDENCIES)
