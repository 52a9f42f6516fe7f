"""The layers of the design, held by reading what each module imports and calls."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "mmsearch_dagster"
NAME = ROOT.name
MODULES = sorted(ROOT.rglob("*.py"))

# layer -> the parts of this package it may import
_MAY_IMPORT = {
    "core": {"core"},
    "adapters": {"core", "adapters"},
    "api": {"core", "adapters", "api"},
    "defs": {"core", "adapters", "settings", "defs"},
    "cli": {"core", "adapters", "api", "settings", "defs", "cli"},
    "settings": {"core"},
    "definitions": {"defs"},
    "__init__": set(),
}
_OUTSIDE = {
    "core": {"dagster", "mlflow", "lancedb", "great_expectations", "fastapi"},
    "adapters": {"dagster", "fastapi"},
    "api": {"dagster"},
    "settings": {"dagster", "mlflow", "lancedb", "great_expectations", "fastapi", "torch"},
}
_NETWORK = {
    "urllib.request",
    "requests",
    "httpx",
    "urllib3",
    "http",
    "socket",
    "aiohttp",
    "ftplib",
    "smtplib",
}
_IMPURE = {
    ("os", "environ"), ("os", "getenv"), ("os", "putenv"),
    ("time", "time"), ("time", "time_ns"), ("time", "localtime"), ("time", "gmtime"),
    ("datetime", "now"), ("datetime", "utcnow"), ("datetime", "today"), ("date", "today"),
}  # fmt: skip
# Seconds each: a step that does not need one must not pay for it.
_HEAVY = (
    "torch",
    "transformers",
    "timm",
    "lancedb",
    "mlflow",
    "great_expectations",
    "matplotlib",
    "onnxruntime",
)


def layer_of(module: Path) -> str:
    """The room a file stands in; `terminal/` belongs to the command line."""
    first = module.relative_to(ROOT).parts[0].removesuffix(".py")
    return "cli" if first == "terminal" else first


def imports(tree: ast.AST) -> Iterator[str]:
    """Full names of everything imported, wherever in the file."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide the layer"
            assert node.module is not None
            yield from (f"{node.module}.{one.name}" for one in node.names)


def read(module: Path) -> ast.Module:
    return ast.parse(module.read_text(encoding="utf-8"), str(module))


def name_of(module: Path) -> str:
    return str(module.relative_to(ROOT))


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_a_module_imports_only_what_its_layer_may(module: Path) -> None:
    layer, found = layer_of(module), list(imports(read(module)))

    ours = {layer_of(ROOT / f"{one.split('.')[1]}.py") for one in found if one.startswith(f"{NAME}.")}
    outside = {one.split(".")[0] for one in found}

    assert ours <= _MAY_IMPORT[layer], f"{layer} must not import {ours - _MAY_IMPORT[layer]}"
    assert not outside & _OUTSIDE.get(layer, set())


@pytest.mark.parametrize("module", [one for one in MODULES if layer_of(one) == "core"], ids=name_of)
def test_core_knows_no_environment_no_clock_and_no_network(module: Path) -> None:
    tree = read(module)

    names = {
        (node.value.id, node.attr)
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
    }
    taken = {tuple(one.rsplit(".", 2)[-2:]) for one in imports(tree) if "." in one}

    assert not (names | taken) & _IMPURE
    parts = [one.split(".") for one in imports(tree)]
    assert not {".".join(one[:length]) for one in parts for length in (1, 2)} & _NETWORK


def test_every_layer_of_the_design_is_looked_at() -> None:
    assert {layer_of(module) for module in MODULES} == set(_MAY_IMPORT)


@pytest.mark.slow
@pytest.mark.parametrize("entrance", ["mmsearch_dagster.cli", "mmsearch_dagster.definitions"])
def test_loading_an_entrance_loads_nothing_heavy(entrance: str) -> None:
    call = "definitions.defs()" if entrance.endswith("definitions") else "cli.app"
    code = f"import sys; from {NAME} import {entrance.rpartition('.')[2]}; {call}; print(*sys.modules)"

    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert not {one.split(".")[0] for one in told.stdout.split()} & set(_HEAVY)
