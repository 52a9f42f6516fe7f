"""LanceDB, imported without what a local index never needs.

`import lancedb` also brings the client of its REST catalogue, whose four API classes take longer to define
than all the rest together: more than half of that import, in every command. A table in a folder or an object
store never uses them, so they are left out of this one import. Whoever imports lancedb elsewhere first has it
whole, and this module changes nothing then.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

_API = "lance_namespace_urllib3_client.api"


def lancedb_module() -> Any:
    """The library, imported at its first use."""
    if "lancedb" not in sys.modules:
        with _without_rest_client():
            import lancedb  # noqa: F401
    return sys.modules["lancedb"]


@contextmanager
def _without_rest_client() -> Iterator[None]:
    """The API classes of the REST catalogue are empty meanwhile."""
    finder = _EmptyApi()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        for name in [name for name in sys.modules if name.startswith(_API)]:
            del sys.modules[name]


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
        return type(name, (), {})
