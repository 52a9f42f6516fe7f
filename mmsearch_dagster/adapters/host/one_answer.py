"""What a command that answers once and ends does without, because it costs more than it brings."""

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

_PANDAS = "pandas"


@contextmanager
def one_answer() -> Iterator[None]:
    """Around such a command, before it imports numpy, pyarrow or LanceDB.

    Threads for products of matrices: to start them takes longer than one query. Garbage collection: imports
    make nothing worth collecting, and looking for it is a tenth of the CPU. pandas: pyarrow imports it to
    know its types, another tenth; a table made into one of pandas afterwards imports it then.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    gc.disable()
    finder = _NotInstalled()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        gc.enable()


class _NotInstalled(MetaPathFinder, Loader):
    """Finds pandas, as whoever asks whether it is there must see, and then does not load it."""

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> ModuleSpec | None:
        return ModuleSpec(fullname, self) if fullname == _PANDAS else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        raise ModuleNotFoundError(f"{spec.name} is left out of this process", name=spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """There is none."""
