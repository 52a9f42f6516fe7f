"""The layers of docs/architecture.md, held by reading what each module imports and calls."""

import ast
import graphlib
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "mmsearch_dagster"
NAME = ROOT.name
MODULES = sorted(ROOT.rglob("*.py"))

# layer -> the parts of this package it may import
_MAY_IMPORT = {
    "core": {"core"},
    "adapters": {"core", "adapters"},
    "serving": {"core", "adapters", "serving"},
    "demo_shop": {"core", "adapters", "demo_shop"},
    "pipeline": {"core", "adapters", "serving", "demo_shop", "settings", "pipeline"},
    "defs": {"core", "pipeline", "settings", "defs"},
    "api": {"core", "serving", "api"},
    "cli": {
        *("core", "adapters", "serving", "demo_shop", "pipeline", "defs", "api"),
        *("settings", "definitions", "cli"),
    },
    "settings": {"core"},
    "definitions": {"defs"},
    "__init__": set(),
}
# outside library -> the only places that may import it
_HOMES = {
    "mlflow": ("adapters/registry/",),
    "lancedb": ("adapters/index/",),
    "great_expectations": ("adapters/expectations/",),
    "onnxruntime": ("adapters/models/",),
    "pocketsphinx": ("adapters/speech/",),
    "espeakng_loader": ("adapters/speech/",),
    "optuna": ("adapters/hyper_parameters/",),
    "matplotlib": ("adapters/reports/",),
    "jinja2": ("adapters/reports/",),
    "dagster": ("defs/", "definitions.py", "cli/run.py", "cli/up.py"),
    "fastapi": ("api/",),
    "starlette": ("api/",),
    "typer": ("cli/",),
    "rich": ("cli/",),
}
_MOST_MODULES = 15
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
    """The top folder a file is in, or its own name where it is loose."""
    return module.relative_to(ROOT).parts[0].removesuffix(".py")


@cache
def nodes(module: Path) -> tuple[ast.AST, ...]:
    """Everything in a file, its tree first."""
    return tuple(ast.walk(ast.parse(module.read_text(encoding="utf-8"), str(module))))


@cache
def imports(module: Path) -> tuple[str, ...]:
    """Full names of everything imported, wherever in the file."""
    names: list[str] = []
    for node in nodes(module):
        if isinstance(node, ast.Import):
            names += (one.name for one in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide the layer"
            assert node.module is not None
            names += (f"{node.module}.{one.name}" for one in node.names)
    return tuple(names)


def name_of(module: Path) -> str:
    return str(module.relative_to(ROOT))


def test_a_module_imports_only_what_its_layer_may() -> None:
    forbidden = {}
    for module in MODULES:
        own = [name for name in imports(module) if name.startswith(f"{NAME}.")]
        layers = {layer_of(ROOT / f"{name.split('.')[1]}.py") for name in own}
        forbidden[name_of(module)] = layers - _MAY_IMPORT[layer_of(module)]

    assert not {module: layers for module, layers in forbidden.items() if layers}


def test_an_outside_library_has_one_home() -> None:
    strangers = [
        (name_of(module), library)
        for module in MODULES
        for library in {name.split(".")[0] for name in imports(module)} & set(_HOMES)
        if not name_of(module).startswith(_HOMES[library])
    ]

    assert not strangers, f"each has its home: {_HOMES}"


@cache
def _bound(module: Path) -> set[str]:
    """Every name that a module's top level, or a block of it, binds."""
    names: set[str] = set()
    for node in nodes(module):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names |= {alias.asname or alias.name.split(".")[0] for alias in node.names}
    return names


def test_what_a_module_imports_from_this_package_is_there() -> None:
    """Also in functions and under TYPE_CHECKING, which no import of the module would show."""
    missing = [
        (name_of(module), f"{node.module}.{alias.name}")
        for module in MODULES
        for node in nodes(module)
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == NAME
        for alias in node.names
        if not _is_there(str(node.module), alias.name)
    ]

    assert not missing


@cache
def _is_there(module: str, name: str) -> bool:
    """Whether a module of ours binds the name, or is a package with a module of that name."""
    source = ROOT.parent.joinpath(*module.split("."))
    if (source / f"{name}.py").exists() or (source / name).is_dir():
        return True
    file = source / "__init__.py" if source.is_dir() else source.with_suffix(".py")
    return file.exists() and name in _bound(file)


def test_adapters_holds_folders_only() -> None:
    assert [path.name for path in (ROOT / "adapters").glob("*.py")] == ["__init__.py"]


def test_no_folder_has_more_modules_than_a_person_can_overlook() -> None:
    folders = {module.parent for module in MODULES}
    count = {name_of(one): len([*one.glob("[!_]*.py")]) for one in folders}

    assert not {name: modules for name, modules in count.items() if modules > _MOST_MODULES}


def test_a_public_class_name_is_defined_once() -> None:
    homes: dict[str, list[str]] = {}
    for module in MODULES:
        tree = nodes(module)[0]
        assert isinstance(tree, ast.Module)
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes.setdefault(node.name, []).append(name_of(module))

    assert not {name: where for name, where in homes.items() if len(where) > 1}


def test_no_folder_imports_in_a_circle() -> None:
    arrows: dict[str, set[str]] = {}
    for module in MODULES:
        own = _room_of(module)
        for one in imports(module):
            if one.startswith(f"{NAME}.") and (folder := _folder_of(one)) != own:
                arrows.setdefault(own, set()).add(folder)

    graphlib.TopologicalSorter(arrows).prepare()  # raises CycleError naming the circle


@cache
def _room_of(module: Path) -> str:
    """The folder of a module; a loose one beside folders is a room of its own."""
    folders = [path for path in module.parent.iterdir() if (path / "__init__.py").exists()]
    return name_of(module) if folders else name_of(module.parent)


@cache
def _folder_of(imported: str) -> str:
    """The room of the module that a full name is in, or of the package it names."""
    path = ROOT.parent.joinpath(*imported.split("."))
    while not path.is_dir():
        module, path = path.with_suffix(".py"), path.parent
        if module.is_file():
            return _room_of(module)
    return name_of(path)


def test_core_knows_no_environment_no_clock_and_no_network() -> None:
    impure = {}
    for module in MODULES:
        if layer_of(module) != "core":
            continue
        names = {
            (node.value.id, node.attr)
            for node in nodes(module)
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
        }
        imported = imports(module)
        names |= {tuple(name.rsplit(".", 2)[-2:]) for name in imported if "." in name}
        parts = [name.split(".") for name in imported]
        network = {".".join(part[:length]) for part in parts for length in (1, 2)} & _NETWORK
        impure[name_of(module)] = (names & _IMPURE) | network

    assert not {module: names for module, names in impure.items() if names}


def test_every_layer_is_looked_at() -> None:
    assert {layer_of(module) for module in MODULES} == set(_MAY_IMPORT)


@pytest.mark.slow
@pytest.mark.parametrize("entrance", ["mmsearch_dagster.cli.main", "mmsearch_dagster.definitions"])
def test_loading_an_entrance_loads_nothing_heavy(entrance: str) -> None:
    call = "definitions.defs()" if entrance.endswith("definitions") else "main.app"
    package, _, name = entrance.rpartition(".")
    code = f"import sys; from {package} import {name}; {call}; print(*sys.modules)"

    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert not {one.split(".")[0] for one in told.stdout.split()} & set(_HEAVY)
