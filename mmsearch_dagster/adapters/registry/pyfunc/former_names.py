"""Former module names that scripts stored with registered models still import.

MLflow keeps the script that loads a model with each version of it. The scripts of 0.1.0 import four modules
that have moved since, later ones `registry.pyfunc_model`; here these names lead to where things are now.
A script of today imports one name, see `script`.
"""

import sys
from collections.abc import Mapping, Sequence
from functools import partial
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

_ADAPTERS = "mmsearch_dagster.adapters"
_INPUTS = f"{_ADAPTERS}.registry.pyfunc.inputs"
_LOGGING = f"{_ADAPTERS}.registry.pyfunc.log_model"
# former module -> a name in it -> `module:name` of today
FORMER_NAMES: Mapping[str, Mapping[str, str]] = {
    f"{_ADAPTERS}.encoders": {"spec_of": f"{_ADAPTERS}.models.load:spec_of"},
    f"{_ADAPTERS}.model_encoding": {"encode_when_asked": f"{_ADAPTERS}.registry.pyfunc.encoders:lazy_encode"},
    f"{_ADAPTERS}.model_inputs": {
        "ITEM": f"{_INPUTS}:ITEM",
        "Asked": f"{_INPUTS}:ModelRow",
        "encode_rows": f"{_INPUTS}:encode_rows",
        "read_rows": f"{_INPUTS}:read_rows",
    },
    f"{_ADAPTERS}.model_logging": {
        "CACHE_OPTION": f"{_LOGGING}:CACHE_OPTION",
        "ENCODERS_FILE": f"{_LOGGING}:ENCODERS_FILE",
    },
    f"{_ADAPTERS}.registry.pyfunc_model": {"SearchModel": f"{_ADAPTERS}.registry.pyfunc.model:SearchModel"},
}


class _FormerModules(MetaPathFinder, Loader):
    """Makes the former modules; they hold nothing and look each name up where it is now."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return ModuleSpec(fullname, self) if fullname in FORMER_NAMES else None

    def exec_module(self, module: ModuleType) -> None:
        # PEP 562: called for every name that the module does not hold.
        module.__dict__["__getattr__"] = partial(_look_up, module.__name__)


def _look_up(module: str, name: str) -> Any:
    if name not in FORMER_NAMES[module]:
        raise AttributeError(f"former module '{module}' has no '{name}' any more")
    home, _, attribute = FORMER_NAMES[module][name].partition(":")
    return getattr(import_module(home), attribute)


def install() -> None:
    """Let this process import the former names, after every other way to find a module."""
    if not any(isinstance(finder, _FormerModules) for finder in sys.meta_path):
        sys.meta_path.append(_FormerModules())
