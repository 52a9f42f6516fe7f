"""LanceDB, imported without what a local index never needs.

`import lancedb` also brings the client of its REST catalogue, 160 classes that take longer to define than all
the rest together. A table in a folder or an object store never uses them, so during this one import each has
a stand-in, which becomes the class when it is first used. Whoever imports the client afterwards has all of
it; whoever imports lancedb elsewhere first too, and this module changes nothing then.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, Union

_CLIENT = "lance_namespace_urllib3_client"
_OVERRIDES = "overrides"


def lancedb_module() -> Any:
    """The library, imported at its first use."""
    if "lancedb" not in sys.modules:
        with _without_rest_client(), _without_comparison_of_methods():
            import lancedb  # noqa: F401
    return sys.modules["lancedb"]


@contextmanager
def _without_rest_client() -> Iterator[None]:
    """Names imported from the REST client are stand-ins meanwhile; it is imported with the first one used."""
    if _CLIENT in sys.modules:
        yield
        return
    finder = _StandIns()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        for name in [name for name in sys.modules if name.partition(".")[0] == _CLIENT]:
            del sys.modules[name]


@contextmanager
def _without_comparison_of_methods() -> Iterator[None]:
    """`overrides` compares no method with the one it overrides meanwhile, as ever from Python 3.12 on."""
    if _OVERRIDES in sys.modules or sys.version_info >= (3, 12):
        yield
        return
    module = ModuleType(_OVERRIDES)
    vars(module).update(override=lambda method: method, EnforceOverrides=object)
    sys.modules[_OVERRIDES] = module
    try:
        yield
    finally:
        del sys.modules[_OVERRIDES]


class _StandIns(MetaPathFinder, Loader):
    """Finds the REST client's modules and gives a stand-in for each name imported from them."""

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> ModuleSpec | None:
        if fullname.partition(".")[0] != _CLIENT:
            return None
        return ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _StandInModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Nothing is in it."""


class _StandInModule(ModuleType):
    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        stand_in = _StandIn(self.__name__, name)
        setattr(self, name, stand_in)
        return stand_in


class _StandIn:
    """Made, asked, inherited from or tested like the class of the client that it stands for, which is
    imported then. To be named in an annotation does not import it."""

    def __init__(self, module: str, name: str) -> None:
        self._module, self.__name__ = module, name

    def _class(self) -> Any:
        return getattr(import_module(self._module), self.__name__)

    def __call__(self, *args: Any, **values: Any) -> Any:
        return self._class()(*args, **values)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # typing looks for these in every annotation
            raise AttributeError(name)
        return getattr(self._class(), name)

    def __instancecheck__(self, instance: object) -> bool:
        return isinstance(instance, self._class())

    def __mro_entries__(self, bases: tuple[Any, ...]) -> tuple[Any, ...]:
        return (self._class(),)

    def __or__(self, other: Any) -> Any:
        return Union[self, other]  # noqa: UP007 - `|` would call this again

    def __ror__(self, other: Any) -> Any:
        return Union[other, self]  # noqa: UP007
