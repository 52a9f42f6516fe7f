"""LanceDB, imported without what a local index never needs.

`import lancedb` also brings the client of its REST catalogue, whose four API classes take longer to define
than all the rest together: more than half of that import, in every command. A table in a folder or an object
store never uses them, so they are left out of this one import and defined when somebody asks for one. Whoever
imports lancedb elsewhere first has all of it, and this module changes nothing then.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

_CLIENT = "lance_namespace_urllib3_client"
_API = f"{_CLIENT}.api"


def lancedb_module() -> Any:
    """The library, imported at its first use."""
    if "lancedb" not in sys.modules:
        with _without_rest_client():
            import lancedb  # noqa: F401
    return sys.modules["lancedb"]


@contextmanager
def _without_rest_client() -> Iterator[None]:
    """The API classes of the REST catalogue are empty meanwhile; the first one that is used brings all."""
    finder = _EmptyApi()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        for name in [name for name in sys.modules if name.startswith(_API)]:
            del sys.modules[name]
        if _CLIENT in sys.modules:
            _define_later(sys.modules[_CLIENT])


def _define_later(client: ModuleType) -> None:
    """Takes the empty classes out of the client's package; its API is imported with the first name missed."""
    for name, value in list(vars(client).items()):
        if isinstance(value, _EmptyModule) or (isinstance(value, type) and issubclass(value, _EmptyClass)):
            delattr(client, name)

    def find(name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        api = import_module(_API)
        return api if name == "api" else getattr(api, name)

    vars(client)["__getattr__"] = find


class _EmptyApi(MetaPathFinder, Loader):
    """Finds the REST client's API modules and loads an empty class for each name imported from them."""

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> ModuleSpec | None:
        if not fullname.startswith(_API):
            return None
        return ModuleSpec(fullname, self, is_package=fullname == _API)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _EmptyModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Nothing is in it."""


class _EmptyModule(ModuleType):
    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (_EmptyClass,), {})


class _EmptyClass:
    """Stands for an API class while lancedb is imported."""
